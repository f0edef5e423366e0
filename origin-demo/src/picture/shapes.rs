//! One shape for each category, in the colours and proportions of its brush.
//!
//! Throws are made in a fixed order: another order would be another picture.

use crate::dice::Dice;

/// Everything stands on this line of the 480 by 360 sheet.
pub(super) const FLOOR: u16 = 290;

/// Colours and throws that a shape is drawn with.
pub(super) struct Brush {
    pub(super) dice: Dice,
    pub(super) dark: String,
    pub(super) light: String,
    pub(super) accent: String,
}

impl Brush {
    /// The shape of a thing of `category`.
    pub(super) fn shape(&mut self, category: &str) -> String {
        match category {
            "lamps" => self.lamp(),
            "chairs" => self.chair(),
            "tables" => self.table(),
            "textiles" => self.cloth(),
            "ceramics" => self.vase(),
            "kitchen" => self.pot(),
            "garden" => self.plant(),
            _ => self.notebook(),
        }
    }

    fn lamp(&mut self) -> String {
        let (dark, light, accent) = (&self.dark, &self.light, &self.accent);
        let (top, narrow, wide) = (70 + self.dice.roll(40), 24 + self.dice.roll(24), 62 + self.dice.roll(34));
        let shade = top + 72;
        format!(
            r#"<path d="M{} {shade}L{} {FLOOR}H{}L{} {shade}Z" fill="{accent}" opacity=".2"/>
<rect x="236" y="{shade}" width="8" height="{}" fill="{dark}"/>
<rect x="190" y="{}" width="100" height="12" rx="6" fill="{dark}"/>
<path d="M{} {top}H{}L{} {shade}H{}Z" fill="{light}"/>
<circle cx="240" cy="{shade}" r="13" fill="{accent}"/>"#,
            240 - wide,
            170 - wide,
            310 + wide,
            240 + wide,
            FLOOR - shade,
            FLOOR - 12,
            240 - narrow,
            240 + narrow,
            240 + wide,
            240 - wide,
        )
    }

    fn chair(&mut self) -> String {
        let (dark, light, accent) = (&self.dark, &self.light, &self.accent);
        let (back, seat) = (70 + self.dice.roll(50), 195 + self.dice.roll(20));
        let legs = FLOOR - seat;
        let slats = row(2 + self.dice.roll(3), |slat| {
            format!(r#"<rect x="188" y="{}" width="104" height="13" rx="5" fill="{light}"/>"#, back + 14 + slat * 26)
        });
        format!(
            r#"<rect x="180" y="{back}" width="12" height="{}" rx="5" fill="{dark}"/>
<rect x="288" y="{back}" width="12" height="{}" rx="5" fill="{dark}"/>
{slats}
<rect x="168" y="{seat}" width="144" height="20" rx="9" fill="{accent}"/>
<path d="M186 {seat}l-14 {legs}h12l14 -{legs}zM294 {seat}l14 {legs}h-12l-14 -{legs}z" fill="{dark}"/>"#,
            seat - back,
            seat - back,
        )
    }

    fn table(&mut self) -> String {
        let (dark, light, accent) = (&self.dark, &self.light, &self.accent);
        let (top, half, lean) = (165 + self.dice.roll(30), 110 + self.dice.roll(50), self.dice.roll(26));
        let (left, right, legs) = (240 - half, 240 + half, FLOOR - top);
        format!(
            r#"<path d="M{} {top}l-{lean} {legs}h11l{lean} -{legs}zM{} {top}l{lean} {legs}h-11l-{lean} -{legs}z" fill="{dark}"/>
<rect x="{left}" y="{top}" width="{}" height="20" rx="8" fill="{light}"/>
<path d="M{} {}h36l-6 -46h-24z" fill="{accent}"/>
<circle cx="{}" cy="{}" r="15" fill="{dark}" opacity=".7"/>"#,
            left + 30,
            right - 30,
            half * 2,
            200 + self.dice.roll(60),
            top,
            left + 50,
            top - 14,
        )
    }

    fn cloth(&mut self) -> String {
        let (dark, light, accent) = (&self.dark, &self.light, &self.accent);
        let wave = 8 + self.dice.roll(14);
        let stripes = row(5, |stripe| {
            let colour = *self.dice.pick(&[dark, light, accent]);
            let y = 90 + stripe * 38;
            format!(r#"<path d="M130 {y}q55 -{wave} 110 0t110 0v39q-55 {wave} -110 0t-110 0z" fill="{colour}"/>"#)
        });
        let fringe = row(11, |thread| {
            format!(r#"<rect x="{}" y="282" width="3" height="18" fill="{dark}"/>"#, 136 + thread * 20)
        });
        format!("{stripes}\n{fringe}")
    }

    fn vase(&mut self) -> String {
        let (dark, light, accent) = (&self.dark, &self.light, &self.accent);
        let (top, belly, neck) = (90 + self.dice.roll(70), 50 + self.dice.roll(50), 22 + self.dice.roll(22));
        let (height, band) = (FLOOR - top, top + 60 + self.dice.roll(50));
        let out = belly - neck / 2;
        format!(
            r#"<path d="M{} {top}h{}c0 {third} {out} {third} {out} {half}c0 {quarter} -{out} {rest} -{out} {rest}h-{}c0 0 -{out} -{quarter} -{out} -{rest}c0 -{third} {out} -{third} {out} -{half}z" fill="{light}"/>
<rect x="{}" y="{}" width="{}" height="9" rx="4" fill="{dark}"/>
<ellipse cx="240" cy="{band}" rx="{}" ry="7" fill="{accent}"/>"#,
            240 - neck,
            neck * 2,
            neck * 2,
            234 - neck,
            top - 5,
            neck * 2 + 12,
            neck + out / 2,
            third = height / 3,
            half = height / 2,
            quarter = height / 4,
            rest = height - height / 2,
        )
    }

    fn pot(&mut self) -> String {
        let (dark, light, accent) = (&self.dark, &self.light, &self.accent);
        let (half, height) = (78 + self.dice.roll(34), 80 + self.dice.roll(50));
        let (left, right, top) = (240 - half, 240 + half, FLOOR - height);
        format!(
            r#"<path d="M{left} {top}h{}v{}q0 30 -30 30h-{}q-30 0 -30 -30z" fill="{light}"/>
<rect x="{}" y="{}" width="34" height="13" rx="6" fill="{dark}"/><rect x="{right}" y="{}" width="34" height="13" rx="6" fill="{dark}"/>
<path d="M{} {top}q{half} -64 {} 0z" fill="{dark}"/>
<circle cx="240" cy="{}" r="11" fill="{accent}"/>"#,
            half * 2,
            height - 30,
            half * 2 - 60,
            left - 34,
            top + 16,
            top + 16,
            left - 5,
            half * 2 + 10,
            top - 40,
        )
    }

    fn plant(&mut self) -> String {
        let (dark, light, accent) = (&self.dark, &self.light, &self.accent);
        let (top, reach) = (70 + self.dice.roll(40), 50 + self.dice.roll(34));
        let leaves = row(3 + self.dice.roll(2), |leaf| {
            let y = top + 30 + leaf * 32;
            format!(
                r#"<path d="M240 {y}q{reach} -46 {reach} -46q4 52 -{reach} 46zm0 12q-{reach} -46 -{reach} -46q-4 52 {reach} 46z" fill="{light}"/>"#
            )
        });
        format!(
            r#"<rect x="237" y="{top}" width="6" height="{}" rx="3" fill="{dark}"/>
{leaves}
<circle cx="240" cy="{top}" r="17" fill="{accent}"/>
<path d="M190 226h100l-14 {pot}h-72z" fill="{dark}"/><rect x="182" y="218" width="116" height="17" rx="6" fill="{accent}"/>"#,
            230 - top,
            pot = FLOOR - 226,
        )
    }

    fn notebook(&mut self) -> String {
        let (dark, light, accent) = (&self.dark, &self.light, &self.accent);
        let (turn, half) = (self.dice.roll(14), 62 + self.dice.roll(26));
        let lines = row(3 + self.dice.roll(3), |line| {
            format!(
                r##"<rect x="{}" y="{}" width="{}" height="5" rx="2" fill="#fff" opacity=".75"/>"##,
                270 - half,
                130 + line * 22,
                half * 2 - 60
            )
        });
        format!(
            r#"<g transform="rotate(-{turn} 240 190)"><rect x="{}" y="86" width="{}" height="196" rx="9" fill="{light}"/>
<rect x="{}" y="86" width="20" height="196" rx="6" fill="{dark}"/>{lines}</g>
<g transform="rotate({} 330 200)"><rect x="322" y="90" width="16" height="160" fill="{accent}"/><path d="M322 250h16l-8 26z" fill="{dark}"/></g>"#,
            240 - half,
            half * 2,
            240 - half,
            10 + turn,
        )
    }
}

/// `draw` for each number below `count`, one after the other.
fn row(count: u16, draw: impl FnMut(u16) -> String) -> String {
    (0..count).map(draw).collect()
}
