"""Django's side of vitrine: names what a page was made from, and tells the proxy what has changed.

What a project uses stands here; the rest of the package is for itself:

- `register(Model, tags=…, urls=…)`: changes of this model are told to vitrine.
- `tag(request, product, "hot-list")`: the page that answers this request shows these.
- `purge_on(objects)`, `changing(queryset)`, `invalidate(tags=…, urls=…)`: for changes that send no signals.
"""

from .bulk import changing, invalidate, purge_on
from .registry import register
from .tagging import tag

__all__ = ["changing", "invalidate", "purge_on", "register", "tag"]
