//! Owns how charts look: stand-ins for the page's colours, which are put in once a chart is drawn, so that one drawing
//! serves light and dark; and the frame that charts share, so that their time axes line up.

use charts_rs::{AxisType, ChartBase, Color, Symbol};

/// Width of a chart in units of its own; the page scales it.
pub const WIDTH: f32 = 720.0;
/// Where every plot begins, from the left.
pub const LEFT: f32 = 60.0;
/// How far from the right edge every plot ends.
pub const RIGHT: f32 = 16.0;

/// A colour that stands for one of the page's until the chart is drawn.
const fn stand_in(place: u8) -> Color {
    Color { r: 1, g: 2, b: place, a: 255 }
}

pub const LINE: Color = stand_in(0);
pub const GOOD: Color = stand_in(1);
pub const BAD: Color = stand_in(2);
pub const LIMIT: Color = stand_in(3);
pub const GRID: Color = stand_in(4);
pub const TEXT: Color = stand_in(5);
pub const MARK: Color = stand_in(6);
pub const FROZEN: Color = stand_in(7);
/// One for each mode, lab first.
pub const MODES: [Color; 4] = [stand_in(8), stand_in(9), stand_in(10), stand_in(11)];
pub const MIDDLE: Color = stand_in(12);
pub const EMPTY: Color = stand_in(13);

/// The page's names, in the order of the stand-ins.
const NAMES: [&str; 14] = [
    "line", "good", "bad", "limit", "grid", "text", "mark", "frozen", "lab", "pilot", "growth", "scale", "middle",
    "empty",
];

/// Gives a chart the frame that all share.
pub fn frame(chart: &mut ChartBase, height: f32) {
    chart.width = WIDTH;
    chart.height = height;
    chart.background_color = Color::transparent();
    chart.font_family = "sans-serif".to_owned();
    chart.compact = true;
    chart.margin = (4.0, 10.0, 4.0, 4.0).into();
    chart.legend.show = Some(false);
    chart.grid.left = Some(LEFT);
    chart.grid.right = Some(RIGHT);
    chart.grid.stroke_color = GRID;
    chart.x_axis.stroke_color = GRID;
    chart.x_axis.font.color = TEXT;
    chart.x_axis.font.size = 12.0;
    chart.x_axis.kind = AxisType::Time;
    chart.series.symbol = Some(Symbol::None);
    chart.series.stroke_width = 1.75;
}

/// A drawn chart in the page's colours, with its title and description where readers of the screen look for them.
pub fn dressed(svg: &str, id: &str, title: &str, description: &str) -> String {
    let mut dressed = svg.to_owned();
    for (place, name) in NAMES.iter().enumerate() {
        let stand_in = stand_in(u8::try_from(place).unwrap_or_default()).hex();
        dressed = dressed.replace(&format!("\"{stand_in}\""), &format!("\"var(--chart-{name})\""));
    }
    // What is written on a bar.
    dressed = dressed.replace("\"#FFF\"", "\"var(--chart-on)\"").replace("\"#FFFFFF\"", "\"var(--chart-on)\"");
    let head = format!(
        "<svg role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" class=\"chart-svg\"><title id=\"{id}-title\">{}</title>\
         <desc id=\"{id}-desc\">{}</desc>",
        escaped(title),
        escaped(description)
    );
    match dressed.find('>') {
        Some(end) => {
            let attributes = dressed[..end].trim_start_matches("<svg").to_owned();
            let head = head.replacen("<svg", &format!("<svg{attributes}"), 1);
            head + &dressed[end + 1..]
        }
        None => dressed,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
