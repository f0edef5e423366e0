//! What is on the shelves, and what people say about it. Only words; [`super::seed`] plants them.

/// One category and its products.
pub(super) struct Shelf {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) blurb: &'static str,
    pub(super) materials: &'static [&'static str],
    /// Name and price in cents.
    pub(super) products: &'static [(&'static str, i64)],
}

pub(super) const SHELVES: [Shelf; 8] = [
    Shelf {
        slug: "lamps",
        name: "Lamps",
        blurb: "Light for the desk, the corner and the long evening.",
        materials: &["Brushed brass", "Powder-coated steel", "Opal glass", "Washi paper"],
        products: &[
            ("Harbour Desk Lamp", 8900),
            ("Paper Moon Pendant", 12_900),
            ("Copper Reading Light", 7450),
            ("Tripod Floor Lamp", 18_900),
            ("Glass Globe Lantern", 6400),
            ("Clip-on Studio Light", 3995),
            ("Night Ferry Lamp", 5450),
            ("Arc Floor Lamp", 23_900),
        ],
    },
    Shelf {
        slug: "chairs",
        name: "Chairs",
        blurb: "To sit up in, lean back in, and fall asleep in.",
        materials: &["Solid birch", "Oiled oak", "Steam-bent beech", "Waxed canvas and ash"],
        products: &[
            ("Birch Dining Chair", 14_900),
            ("Canvas Folding Chair", 7900),
            ("Low Reading Armchair", 42_900),
            ("Spindle Back Chair", 18_900),
            ("Cane Lounge Chair", 35_900),
            ("Workshop Stool", 9900),
            ("Rocking Chair No. 4", 38_900),
            ("Stacking Cafe Chair", 8900),
        ],
    },
    Shelf {
        slug: "tables",
        name: "Tables",
        blurb: "For breakfast, for work, and for the good plates.",
        materials: &["Oiled oak", "Smoked ash", "Marble and cast iron", "Linoleum on birch"],
        products: &[
            ("Round Oak Table", 64_900),
            ("Narrow Hall Console", 27_900),
            ("Nesting Side Tables", 19_900),
            ("Drop Leaf Table", 38_900),
            ("Marble Bistro Table", 34_900),
            ("Standing Desk Frame", 45_900),
            ("Slate Coffee Table", 29_900),
        ],
    },
    Shelf {
        slug: "textiles",
        name: "Textiles",
        blurb: "Wool, linen and cotton that get better with washing.",
        materials: &["Lambswool", "Stonewashed linen", "Organic cotton", "Cotton velvet"],
        products: &[
            ("Wool Throw Blanket", 8900),
            ("Linen Bed Sheet", 7900),
            ("Striped Bath Towel", 2990),
            ("Quilted Bedspread", 15_900),
            ("Cotton Rope Rug", 11_900),
            ("Velvet Cushion", 4490),
            ("Waffle Tea Towel", 1490),
            ("Mohair Scarf", 9450),
        ],
    },
    Shelf {
        slug: "ceramics",
        name: "Ceramics",
        blurb: "Thrown by hand, fired twice, no two alike.",
        materials: &["Stoneware", "Porcelain", "Red earthenware", "Salt-glazed stoneware"],
        products: &[
            ("Speckled Breakfast Bowl", 1890),
            ("Tall Ash Vase", 5490),
            ("Espresso Cup Pair", 2890),
            ("Salt Glaze Teapot", 6890),
            ("Oval Serving Platter", 4290),
            ("Ribbed Flower Pot", 2490),
            ("Stoneware Butter Dish", 3190),
        ],
    },
    Shelf {
        slug: "kitchen",
        name: "Kitchen",
        blurb: "Few tools, used every day for thirty years.",
        materials: &["Cast iron", "Carbon steel", "Tinned copper", "Walnut and steel"],
        products: &[
            ("Cast Iron Casserole", 12_900),
            ("Carbon Steel Pan", 5990),
            ("End Grain Board", 8490),
            ("Salt & Pepper Mills", 4990),
            ("Chef's Knife 20 cm", 10_900),
            ("Copper Milk Pan", 9490),
            ("Pour-over Kettle", 6990),
            ("Enamel Bread Bin", 5490),
        ],
    },
    Shelf {
        slug: "garden",
        name: "Garden",
        blurb: "For a balcony, a border, or half an acre of hope.",
        materials: &["Forged steel and ash", "Galvanised steel", "Terracotta", "Western cedar"],
        products: &[
            ("Ash Handle Trowel", 2290),
            ("Galvanised Watering Can", 3990),
            ("Terracotta Planter", 3490),
            ("Cedar Bird House", 2990),
            ("Brass Rain Gauge", 1790),
            ("Oak Garden Bench", 32_900),
            ("Hand Forged Secateurs", 5990),
        ],
    },
    Shelf {
        slug: "stationery",
        name: "Stationery",
        blurb: "Paper, ink and brass for slow letters.",
        materials: &["Cotton paper", "Solid brass", "Cedar and graphite", "Linen on board"],
        products: &[
            ("Linen Bound Notebook", 1890),
            ("Brass Ruler", 2490),
            ("Fountain Pen M", 7900),
            ("Cedar Pencil Set", 1290),
            ("Desk Calendar", 1990),
            ("Wax Seal Kit", 3490),
            ("Letterpress Card Set", 1590),
        ],
    },
];

pub(super) const OPENINGS: [&str; 6] = [
    "Made in small runs by a workshop that has done little else since 1931.",
    "A quiet piece that earns its place within a week.",
    "Drawn once, on the back of an envelope, and never changed since.",
    "Sturdy where it has to be, light where it can be.",
    "The one our own buyers took home first.",
    "Plain at first sight; the joy is in the details.",
];

pub(super) const CLOSINGS: [&str; 6] = [
    "Every part can be replaced, and we keep the parts.",
    "It arrives without plastic and leaves no screws over.",
    "Wears in rather than out, and looks the better for it.",
    "Comes with a card that tells who made it and when.",
    "Wipe it with a damp cloth; that is all the care it asks for.",
    "If it ever wobbles, we want to hear about it.",
];

pub(super) const ORIGINS: [&str; 6] = ["Portugal", "Denmark", "Japan", "Estonia", "Wales", "Slovenia"];

pub(super) const REVIEWERS: [&str; 8] = ["Ines", "Tomasz", "Rahima", "Jonas", "Mei", "Patrick", "Leila", "Oskar"];

/// Stars and words.
pub(super) const REVIEWS: [(i64, &str); 7] = [
    (5, "Exactly as pictured, and heavier than I thought, in a good way."),
    (5, "Bought a second one for my sister."),
    (4, "Lovely. The parcel took a day longer than promised."),
    (4, "Smaller than it looks, but very well made."),
    (5, "Has survived two children and one move."),
    (3, "Nice enough; I had hoped for a warmer colour."),
    (4, "Solid, simple, no nonsense."),
];

/// Login and the name shown at first.
pub(super) const CUSTOMERS: [(&str, &str); 3] =
    [("alice", "Alice Archer"), ("bob", "Bob Bakker"), ("carol", "Carol Chen")];
