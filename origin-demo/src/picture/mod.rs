//! Pictures drawn from a slug: its colours and proportions, and a shape for its category.
//!
//! The same slug always gives the same bytes, so that a strong validator holds.

mod shapes;

use crate::dice::Dice;
use shapes::{Brush, FLOOR};

/// The picture of `slug`, a thing of `category`, as SVG.
pub(crate) fn draw(slug: &str, category: &str) -> String {
    let mut dice = Dice::of(slug);
    let hue = dice.roll(360);
    let (next, far) = ((hue + 40) % 360, (hue + 150 + dice.roll(60)) % 360);
    let (sun_x, sun_y, sun) = (90 + dice.roll(300), 80 + dice.roll(60), 50 + dice.roll(50));
    let mut brush = Brush {
        dice,
        dark: format!("hsl({hue} 38% 32%)"),
        light: format!("hsl({hue} 46% 58%)"),
        accent: format!("hsl({far} 62% 56%)"),
    };
    let shape = brush.shape(category);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 360" width="480" height="360" role="img">
<defs><linearGradient id="g" x2="1" y2="1"><stop stop-color="hsl({hue} 52% 93%)"/><stop offset="1" stop-color="hsl({next} 48% 77%)"/></linearGradient></defs>
<rect width="480" height="360" fill="url(#g)"/>
<circle cx="{sun_x}" cy="{sun_y}" r="{sun}" fill="#fff" opacity=".4"/>
<rect y="{FLOOR}" width="480" height="70" fill="hsl({next} 34% 62%)" opacity=".45"/>
<ellipse cx="240" cy="{FLOOR}" rx="130" ry="11" fill="hsl({hue} 40% 20%)" opacity=".18"/>
{shape}
</svg>
"##
    )
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn drawn_the_same_each_time_and_unlike_the_others() {
        assert_eq!(draw("a", "lamps"), draw("a", "lamps"));
        assert_ne!(draw("a", "lamps"), draw("b", "lamps"));
        assert_ne!(draw("a", "lamps"), draw("a", "chairs"));
    }
}
