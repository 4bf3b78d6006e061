//! One large PNG becomes the icons of Linux desktops.
//!
//! Format: Icon Theme Specification 0.13, "hicolor".

use std::io::Cursor;

use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageReader, Limits,
    codecs::png::{CompressionType, FilterType, PngEncoder},
    imageops,
};

use crate::{diagnostic::Diagnostic, payload::Blob};

/// Sizes of the hicolor theme that desktops ask for, in pixels.
pub(super) const SIZES: [u32; 8] = [16, 24, 32, 48, 64, 128, 256, 512];

/// What an icon should have at least, in pixels: the largest that any system asks for.
const WANTED: u32 = 1024;

/// The largest side that is looked at, in pixels, and the memory that takes, in bytes.
const MAX_SIDE: u32 = 8192;
const MAX_MEMORY: u64 = 512 << 20;

/// Icons by size, and a warning when the source is small.
#[derive(Clone, Debug)]
pub(super) struct Icons {
    pub(super) sizes: Vec<(u32, Blob)>,
    pub(super) warning: Option<Diagnostic>,
}

/// Derives all sizes that are not larger than the source.
pub(super) fn derive(png: &[u8], path: &str) -> Result<Icons, Diagnostic> {
    let wrong = |why: String| Diagnostic::usage("icon.invalid", format!("the icon `{path}` {why}"));
    if !png.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Err(wrong("is no PNG".into()));
    }
    let picture = decode(png).map_err(|error| wrong("cannot be read".into()).caused_by(&error))?;
    let (width, height) = (picture.width(), picture.height());
    if width != height {
        return Err(wrong(format!("is {width} by {height} pixels, and has to be square")));
    }
    if width < SIZES[0] {
        return Err(wrong(format!("has {width} pixels, and needs {WANTED}")));
    }
    let warning = (width < WANTED).then(|| {
        let message = format!("the icon `{path}` has {width} pixels, {WANTED} are wanted");
        Diagnostic::usage("icon.small", message).hint("larger sizes are left out, none is blown up")
    });
    let sizes = SIZES.into_iter().filter(|size| *size <= width);
    let sizes = sizes.map(|size| Ok((size, Blob::from_bytes(scale(&picture, size)?))));
    let sizes: Result<_, image::ImageError> = sizes.collect();
    let sizes = sizes.map_err(|error| wrong("cannot be scaled".into()).caused_by(&error))?;
    Ok(Icons { sizes, warning })
}

fn decode(png: &[u8]) -> Result<DynamicImage, image::ImageError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    let reader = ImageReader::with_format(Cursor::new(png), image::ImageFormat::Png);
    let mut decoder = reader.into_decoder()?;
    decoder.set_limits(limits)?;
    DynamicImage::from_decoder(decoder)
}

/// The same bytes for the same picture: one filter, one level, no metadata.
fn scale(picture: &DynamicImage, size: u32) -> Result<Vec<u8>, image::ImageError> {
    let scaled = picture.resize_exact(size, size, imageops::FilterType::Lanczos3).into_rgba8();
    let mut out = Vec::new();
    PngEncoder::new_with_quality(&mut out, CompressionType::Best, FilterType::Adaptive)
        .write_image(&scaled, size, size, ExtendedColorType::Rgba8)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let picture = RgbaImage::from_fn(width, height, |x, y| {
            let [r, ..] = x.to_le_bytes();
            let [g, ..] = y.to_le_bytes();
            Rgba([r, g, 128, 255])
        });
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
        out.into_inner()
    }

    #[test]
    fn every_size_is_derived_twice_the_same() {
        let png = png(1024, 1024);
        let first = derive(&png, "icon.png").unwrap();
        assert_eq!(first.sizes.iter().map(|(size, _)| *size).collect::<Vec<_>>(), SIZES);
        assert!(first.warning.is_none());
        let second = derive(&png, "icon.png").unwrap();
        for ((size, a), (_, b)) in first.sizes.iter().zip(&second.sizes) {
            assert_eq!(a.bytes(), b.bytes());
            let read = image::load_from_memory(a.bytes().unwrap()).unwrap();
            assert_eq!((read.width(), read.height()), (*size, *size));
        }
    }

    #[test]
    fn a_small_icon_is_not_blown_up() {
        let icons = derive(&png(64, 64), "icon.png").unwrap();
        assert_eq!(icons.sizes.last().unwrap().0, 64);
        assert!(icons.warning.unwrap().message.contains("has 64 pixels, 1024 are wanted"));
    }

    #[test]
    fn what_is_no_square_png_is_refused() {
        for (bytes, want) in [
            (b"GIF89a".to_vec(), "the icon `i` is no PNG"),
            (png(32, 16), "the icon `i` is 32 by 16 pixels, and has to be square"),
            (png(8, 8), "the icon `i` has 8 pixels, and needs 1024"),
            (png(32, 32)[..60].to_vec(), "the icon `i` cannot be read"),
        ] {
            assert_eq!(derive(&bytes, "i").unwrap_err().message, want);
        }
    }
}
