//! A caching reverse proxy for storefronts.
