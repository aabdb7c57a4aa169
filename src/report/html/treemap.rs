//! Bytes per layer and directory, as a picture and as a table.

use super::squares::Square;
use super::squares::squares;
use crate::report::anatomy::DirectoryPart;
use crate::report::anatomy::LayerPart;
use crate::report::bytes;
use crate::report::escape::line;
use crate::report::escape::markup;

const AREA: Square = Square { x: 0.0, y: 0.0, w: 1240.0, h: 460.0 };
/// Width of a letter at the size of the labels, somewhat more than the average.
const LETTER: f64 = 6.4;
/// Height of a layer's title.
const TITLE: f64 = 15.0;

/// The figure with its table.
pub(super) fn figure(layers: &[LayerPart]) -> String {
    let mut order: Vec<(usize, &LayerPart)> =
        layers.iter().enumerate().filter(|(_, layer)| layer.size > 0).collect();
    order.sort_by_key(|(number, layer)| (std::cmp::Reverse(layer.size), *number));
    let total: u64 = layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
    let weights: Vec<u64> = order.iter().map(|(_, layer)| layer.size).collect();
    let mut picture = String::new();
    for ((number, layer), area) in order.iter().zip(squares(&weights, AREA)) {
        picture.push_str(&draw_layer(*number, layer, area));
    }
    let plural = if layers.len() == 1 { "layer" } else { "layers" };
    let what = format!("{} of files in {} {plural}, as they are unpacked", bytes(total), layers.len());
    format!(
        "<section aria-label=\"Layers\"><h2>Layers</h2><figure><svg class=\"fit\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" \
         aria-label=\"Treemap: {what}\">\n{picture}</svg><figcaption>{what}. Areas are sizes; hold the pointer over one to \
         read it.</figcaption></figure>\n<details><summary>As a table</summary>{}</details></section>\n",
        AREA.w,
        AREA.h,
        table(layers)
    )
}

fn draw_layer(number: usize, layer: &LayerPart, area: Square) -> String {
    // From green to violet in steps that part neighbours, whatever their number: red is for errors.
    let hue = 90 + (number * 89 + 120) % 200;
    let title = format!("{} {}", line(&layer.name), bytes(layer.size));
    let made = layer.instruction.as_deref().map(|text| format!("\n{text}")).unwrap_or_default();
    let digest = layer.digest.as_deref().map(|text| format!("\n{text}")).unwrap_or_default();
    let mut out = format!(
        "<g><rect class=\"box\" {} fill=\"hsl({hue} 45% 62%)\"><title>{}</title></rect>",
        place(area),
        markup(&format!("{title}{digest}{made}"))
    );
    let room = area.w > 60.0 && area.h > 2.0 * TITLE;
    if room {
        out.push_str(&label(&title, "on head", area.x + 4.0, area.y + 12.0, area.w - 8.0));
    }
    let inner = area.inside(if room { 2.0 } else { 0.5 }, if room { TITLE } else { 0.0 });
    let weights: Vec<u64> = layer.directories.iter().map(|part| part.size).collect();
    for (part, area) in layer.directories.iter().zip(squares(&weights, inner)) {
        out.push_str(&draw_part(hue, part, area));
    }
    out.push_str("</g>\n");
    out
}

fn draw_part(hue: usize, part: &DirectoryPart, area: Square) -> String {
    if area.w < 0.5 || area.h < 0.5 {
        return String::new();
    }
    let plural = if part.files == 1 { "file" } else { "files" };
    let title = format!("{}\n{} in {} {plural}", part.path, bytes(part.size), part.files);
    let mut out = format!(
        "<rect class=\"box\" {} fill=\"hsl({hue} 60% 82%)\"><title>{}</title></rect>",
        place(area),
        markup(&title)
    );
    if area.h > 14.0 && area.w > 34.0 {
        let name = shortest(&line(&part.path), ((area.w - 6.0) / LETTER) as usize);
        out.push_str(&label(&name, "on", area.x + 3.0, area.y + 12.0, area.w - 6.0));
        if area.h > 28.0 && area.w > 50.0 {
            out.push_str(&label(&bytes(part.size), "on", area.x + 3.0, area.y + 25.0, area.w - 6.0));
        }
    }
    out
}

/// The last components of a path that fit: the end says more than the beginning.
fn shortest(path: &str, letters: usize) -> String {
    if path.chars().count() <= letters {
        return path.to_owned();
    }
    let cuts = path.match_indices('/').map(|(at, _)| &path[at..]);
    let mut fitting = cuts.filter(|tail| tail.len() > 1 && tail.chars().count() < letters);
    let last = path.rsplit('/').find(|part| !part.is_empty() && *part != "…").unwrap_or(path);
    match fitting.next() {
        Some("/…") | None => last.to_owned(),
        Some(tail) => format!("…{tail}"),
    }
}

fn label(text: &str, class: &str, x: f64, y: f64, width: f64) -> String {
    let letters = (width / LETTER).max(0.0) as usize;
    if letters < 3 {
        return String::new();
    }
    let text = if text.chars().count() > letters {
        format!("{}…", text.chars().take(letters - 1).collect::<String>())
    } else {
        text.to_owned()
    };
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", markup(&text))
}

fn place(area: Square) -> String {
    format!("x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"", area.x, area.y, area.w, area.h)
}

fn table(layers: &[LayerPart]) -> String {
    let mut out = "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Layers as a table\"><table><thead><tr>\
         <th scope=\"col\">Layer</th><th scope=\"col\">Size</th><th scope=\"col\">Made by</th>\
         <th scope=\"col\">Where the bytes are</th></tr></thead><tbody>\n"
        .to_owned();
    for layer in layers {
        let parts = layer.directories.iter().take(5);
        let parts: String = parts
            .map(|part| {
                format!(
                    "<div><span class=\"path\">{}</span> {}</div>",
                    markup(&line(&part.path)),
                    bytes(part.size)
                )
            })
            .collect();
        let made = layer
            .instruction
            .as_deref()
            .map(|text| crate::report::escape::cut(&line(text), 300))
            .unwrap_or_default();
        let digest = layer
            .digest
            .as_deref()
            .map(|text| format!("<br><code>{}</code>", markup(text)))
            .unwrap_or_default();
        out.push_str(&format!(
            "<tr><th scope=\"row\">{}{digest}</th><td>{}</td><td><code>{}</code></td><td>{parts}</td></tr>\n",
            markup(&line(&layer.name)),
            bytes(layer.size),
            markup(&made)
        ));
    }
    out.push_str("</tbody></table></div>");
    out
}
