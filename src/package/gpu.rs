//! Libraries of graphics drivers and of what computes on them.

/// Parts of a driver: they fit one version of the kernel's module, and come with it. The start of a
/// file name.
const DRIVER: &[&str] = &[
    "libcuda.so",
    "libcudadebugger.so",
    "libnvidia-",
    "libnvcuvid.so",
    "libnvoptix.so",
    "libGLX_nvidia.so",
    "libEGL_nvidia.so",
    "libvdpau_nvidia.so",
    "libvulkan_intel.so",
    "libvulkan_nouveau.so",
    "libvulkan_radeon.so",
    "amdvlk64.so",
    "nvcuda.dll",
    "nvcuda64.dll",
    "nvoglv64.dll",
];

/// Runtimes that may be shipped, and that no package is known by: users install them in many ways.
const RUNTIME: &[&str] = &[
    "libcudart.so",
    "libamdhip64.so",
    "libhip",
    "libhsa-runtime64.so",
    "librocm",
    "librocblas.so",
];

/// Whether a library belongs to a driver: no package may bring it along.
pub fn is_driver(file_name: &str) -> bool {
    DRIVER.iter().any(|start| file_name.starts_with(start))
}

/// Whether a library comes with a driver or with a runtime for it: it is never required by file name.
pub fn is_of_gpu(library: &str) -> bool {
    is_driver(library) || RUNTIME.iter().any(|start| library.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_may_be_shipped_and_a_driver_not() {
        for driver in ["libcuda.so.1", "libcuda.so", "libnvidia-ml.so.1", "nvcuda.dll"] {
            assert!(is_driver(driver) && is_of_gpu(driver), "{driver}");
        }
        for runtime in ["libcudart.so.12", "libhipblas.so.2"] {
            assert!(!is_driver(runtime) && is_of_gpu(runtime), "{runtime}");
        }
        for other in ["libcublas.so.12", "libvulkan.so.1", "libggml-cuda.so"] {
            assert!(!is_driver(other) && !is_of_gpu(other), "{other}");
        }
    }
}
