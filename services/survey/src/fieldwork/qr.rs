//! QR codes (二维码) of links.

use kit::error::{Result, ServiceError};
use qrcode::{Color, EcLevel, QrCode, render::svg};

/// Pixels of a module when no number is given.
const MODULE_PIXELS_DEFAULT: u32 = 8;
const MODULE_PIXELS_MAX: u32 = 64;
/// Light modules around the code, as the standard wants them.
const QUIET_MODULES: usize = 4;

/// Checks the pixels of a module; 0 is the default.
///
/// # Errors
/// INVALID_ARGUMENT outside of 0 to 64.
pub fn module_pixels(given: i32) -> Result<u32> {
    match u32::try_from(given) {
        Ok(0) => Ok(MODULE_PIXELS_DEFAULT),
        Ok(pixels) if pixels <= MODULE_PIXELS_MAX => Ok(pixels),
        _ => Err(ServiceError::invalid("modulePixels", "is not between 0 and 64")),
    }
}

fn code(link: &str) -> Result<QrCode> {
    // A quarter of the code may be worn off the counter.
    let code = QrCode::with_error_correction_level(link, EcLevel::Q);
    code.map_err(|error| ServiceError::internal(format!("QR code: {error}")))
}

/// As scalable vector graphics.
pub fn svg(link: &str, module_pixels: u32) -> Result<Vec<u8>> {
    let image = code(link)?
        .render::<svg::Color<'_>>()
        .module_dimensions(module_pixels, module_pixels)
        .quiet_zone(true)
        .build();
    Ok(image.into_bytes())
}

/// As portable network graphics, one bit for a pixel.
pub fn png(link: &str, module_pixels: u32) -> Result<Vec<u8>> {
    let code = code(link)?;
    let scale = module_pixels as usize;
    let width = code.width() + 2 * QUIET_MODULES;
    let dark = |x: usize, y: usize| {
        let inside = |n: usize| n.checked_sub(QUIET_MODULES).filter(|n| *n < code.width());
        let place = inside(x).zip(inside(y));
        place.is_some_and(|place| code[place] == Color::Dark)
    };
    let mut rows = Vec::new();
    for y in 0..width {
        let mut row = vec![0u8; (width * scale).div_ceil(8)];
        for pixel in (0..width * scale).filter(|pixel| !dark(pixel / scale, y)) {
            row[pixel / 8] |= 0x80 >> (pixel % 8);
        }
        rows.extend(std::iter::repeat_n(row, scale).flatten());
    }
    let side = u32::try_from(width * scale).unwrap_or(u32::MAX);
    let mut image = Vec::new();
    let mut encoder = png::Encoder::new(&mut image, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&rows));
    written.map_err(|error| ServiceError::internal(format!("PNG: {error}")))?;
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://survey.example.com/s/AQGXwqTl5k7JqU5cJk0b1x2y3z4w5v6u7t8s9r0q";

    #[test]
    fn both_forms_show_the_same_modules() {
        let code = code(LINK).unwrap();
        let png = png(LINK, 2).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
        let side = (code.width() + 2 * QUIET_MODULES) * 2;
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width as usize, info.height as usize), (side, side));
        let light =
            |x: usize, y: usize| pixels[y * info.line_size + x / 8] & (0x80 >> (x % 8)) != 0;
        for y in 0..code.width() {
            for x in 0..code.width() {
                let (px, py) = ((x + QUIET_MODULES) * 2 + 1, (y + QUIET_MODULES) * 2 + 1);
                assert_eq!(light(px, py), code[(x, y)] == Color::Light, "{x} {y}");
            }
        }
        assert!((0..side).all(|i| light(i, 0) && light(0, i) && light(i, side - 1)));
        let svg = String::from_utf8(svg(LINK, 8).unwrap()).unwrap();
        assert!(svg.contains("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(!svg.contains("survey.example.com"));
    }

    #[test]
    fn pixels_are_limited() {
        assert_eq!(module_pixels(0).unwrap(), 8);
        assert_eq!(module_pixels(64).unwrap(), 64);
        assert!(module_pixels(65).is_err() && module_pixels(-1).is_err());
    }
}
