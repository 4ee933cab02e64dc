//! QR codes as images. Source: docs/protocols/ota.md, "Barcodes".

use png::{BitDepth, ColorType, Encoder};
use qrcode::{Color, EcLevel, QrCode};

/// Pixels of a module's side: large enough for a printer, and a display scales it.
const MODULE_PIXELS: usize = 8;
/// Modules of light around the code; ISO/IEC 18004 wants four.
const QUIET_MODULES: usize = 4;

/// Why there is no image of a text.
#[derive(Debug, thiserror::Error)]
pub enum QrError {
    /// It does not fit a QR code.
    #[error("the text does not fit a QR code: {0}")]
    Text(#[from] qrcode::types::QrError),
    /// The image cannot be written.
    #[error("the image cannot be written: {0}")]
    Image(#[from] png::EncodingError),
}

/// A QR code of `text` that may lose 15 % of its area (level M), as a black and white PNG image.
///
/// # Errors
/// [`QrError`]; twelve digits always fit.
pub fn qr_png(text: &str) -> Result<Vec<u8>, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let modules = code.width();
    let pixels = (modules + 2 * QUIET_MODULES) * MODULE_PIXELS;
    // One bit a pixel, the highest first; 1 is light, and so is what fills the last byte of a row.
    let row_bytes = pixels.div_ceil(8);
    let colors = code.to_colors();
    let mut image = vec![0xff; row_bytes * pixels];
    for (at, color) in colors.iter().enumerate() {
        if *color == Color::Light {
            continue;
        }
        let (row, column) = (at / modules + QUIET_MODULES, at % modules + QUIET_MODULES);
        for y in row * MODULE_PIXELS..(row + 1) * MODULE_PIXELS {
            for x in column * MODULE_PIXELS..(column + 1) * MODULE_PIXELS {
                image[y * row_bytes + x / 8] &= !(0x80 >> (x % 8));
            }
        }
    }
    let mut bytes = Vec::new();
    let side = u32::try_from(pixels).unwrap_or(u32::MAX);
    let mut encoder = Encoder::new(&mut bytes, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&image)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a scanner reads from an image.
    fn scan(bytes: &[u8]) -> String {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let (side, row) = (info.width as usize, info.line_size);
        assert_eq!(info.bit_depth, BitDepth::One);
        let light = |x: usize, y: usize| pixels[y * row + x / 8] & (0x80 >> (x % 8)) != 0;
        let shade = |x, y| if light(x, y) { 255 } else { 0 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, shade);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    #[test]
    fn a_scanner_reads_what_was_written() {
        for text in ["016569843362", "999999999999", "券 & <code>"] {
            assert_eq!(scan(&qr_png(text).unwrap()), text);
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_refused() {
        assert!(matches!(qr_png(&"x".repeat(10_000)), Err(QrError::Text(_))));
    }
}
