//! Compiles the CUDA sources of `shaders/cuda`: for devices with nvcc where there is one (feature
//! `cuda`), and for the host, so that tests can run them without a device (feature `cuda-emulation`).

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Why the build script failed.
type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    println!("cargo:rerun-if-changed=build.rs");
    if has_feature("CUDA") || has_feature("CUDA_EMULATION") {
        let sources = root()?.join("shaders/cuda");
        println!("cargo:rerun-if-changed={}", sources.display());
        if has_feature("CUDA") {
            device::build(&kernels(&sources)?)?;
        }
        #[cfg(feature = "cuda-emulation")]
        emulation::build(&sources)?;
    }
    Ok(())
}

fn has_feature(name: &str) -> bool {
    std::env::var_os(format!("CARGO_FEATURE_{name}")).is_some()
}

/// The folder of the workspace.
fn root() -> Result<PathBuf, Failure> {
    let manifest = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    Ok(manifest.parent().ok_or("the crate lies in no workspace")?.to_owned())
}

fn out_folder() -> Result<PathBuf, Failure> {
    Ok(PathBuf::from(std::env::var("OUT_DIR")?))
}

/// The kernels in a folder, each named by its file, in order.
fn kernels(folder: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_some_and(|extension| extension == "cu") {
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Kernels for devices.
mod device {
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use super::{Failure, fs, out_folder};

    /// What a fat binary holds: machine code from Ampere on, and PTX for what comes after Hopper.
    const TARGETS: [&str; 5] = [
        "arch=compute_80,code=sm_80",
        "arch=compute_86,code=sm_86",
        "arch=compute_89,code=sm_89",
        "arch=compute_90,code=sm_90",
        "arch=compute_90,code=compute_90",
    ];

    /// Writes `fat_binaries.rs`: a table of names and fat binaries, empty where there is no nvcc.
    pub(super) fn build(kernels: &[(String, PathBuf)]) -> Result<(), Failure> {
        println!("cargo:rerun-if-env-changed=AIPOT_NVCC");
        let mut table = String::from("[\n");
        match find_compiler()? {
            Some(compiler) => {
                for (name, source) in kernels {
                    let file = compile(&compiler, name, source)?;
                    let bytes = format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\"))");
                    writeln!(table, "    ({name:?}, {bytes}.as_slice()),")?;
                }
            }
            None => println!("cargo:warning=no nvcc: CUDA kernels are compiled where they run"),
        }
        table.push_str("]\n");
        fs::write(out_folder()?.join("fat_binaries.rs"), table)?;
        Ok(())
    }

    /// The compiler that `AIPOT_NVCC` names, which must be there, or any on the path.
    fn find_compiler() -> Result<Option<PathBuf>, Failure> {
        let is_compiler = |path: &Path| {
            Command::new(path).arg("--version").output().is_ok_and(|output| output.status.success())
        };
        if let Some(named) = std::env::var_os("AIPOT_NVCC").filter(|named| !named.is_empty()) {
            let named = PathBuf::from(named);
            if !is_compiler(&named) {
                return Err(format!("AIPOT_NVCC={} does not run", named.display()).into());
            }
            return Ok(Some(named));
        }
        Ok(Some(PathBuf::from("nvcc")).filter(|found| is_compiler(found)))
    }

    /// Compiles a kernel into a file of the output folder and gives its name.
    fn compile(compiler: &Path, name: &str, source: &Path) -> Result<String, Failure> {
        let file = format!("{name}.fatbin");
        let mut command = Command::new(compiler);
        // Profile P0 says itself where a product is fused into a sum.
        command.args(["-fatbin", "-O3", "-std=c++17", "--fmad=false"]);
        for target in TARGETS {
            command.args(["-gencode", target]);
        }
        let output = command.arg("-o").arg(out_folder()?.join(&file)).arg(source).output()?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("nvcc refuses {}: {text}", source.display()).into());
        }
        Ok(file)
    }
}

/// Kernels for the host.
#[cfg(feature = "cuda-emulation")]
mod emulation {
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};

    use super::{Failure, fs, kernels, out_folder, root};

    /// Words of CUDA that make a thread wait for others.
    const BARRIERS: [&str; 6] =
        ["__sync", "_sync(", "__syncthreads", "__shfl", "__ballot", "__match"];

    /// What stands before every kernel.
    const HEADER: &str = "#include \"emulation/emulation.h\"\n";

    /// Compiles every kernel with the emulation before it, and a list of them all.
    pub(super) fn build(sources: &Path) -> Result<(), Failure> {
        let mut all = kernels(sources)?;
        // Kernels that show what the emulation itself does.
        let own = root()?.join("kernels/tests/cuda");
        println!("cargo:rerun-if-changed={}", own.display());
        all.extend(kernels(&own)?);
        let mut build = cc::Build::new();
        build.cpp(true).std("c++17").opt_level(2).warnings(false).cpp_link_stdlib(None);
        build.flag("-fno-exceptions").flag("-fno-rtti").flag("-fno-strict-aliasing");
        build.flag_if_supported("-fcf-protection=none");
        // As nvcc compiles: no product is fused into a sum unless the source says so.
        build.flag("-ffp-contract=off");
        build.include(sources).include(&own).file(sources.join("emulation/emulation.cpp"));
        for (name, source) in &all {
            build.file(unit(name, has_barriers(source, sources)?)?);
        }
        build.file(list(&all)?).try_compile("aipot_cuda_emulation")?;
        Ok(())
    }

    /// Whether a source, or a header that it includes, makes threads wait.
    fn has_barriers(source: &Path, headers: &Path) -> Result<bool, Failure> {
        let text = fs::read_to_string(source)?;
        if BARRIERS.iter().any(|barrier| text.contains(barrier)) {
            return Ok(true);
        }
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("#include \"") else { continue };
            if has_barriers(&headers.join(rest.trim_end_matches('"')), headers)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the host compiler sees of one kernel.
    fn unit(name: &str, barriers: bool) -> Result<PathBuf, Failure> {
        let text = format!(
            "#define EMULATION_SHARED \"shared_{name}\"\n{HEADER}#include \"{name}.cu\"\n\
             EMULATION_KERNEL({name}, {barriers})\n"
        );
        write(&format!("emulated_{name}.cpp"), &text)
    }

    /// The list of all kernels, which ends with a null pointer.
    fn list(all: &[(String, PathBuf)]) -> Result<PathBuf, Failure> {
        let mut text = format!("#define EMULATION_SHARED \"none\"\n{HEADER}");
        for (name, _) in all {
            writeln!(text, "extern const EmulationKernel emulated_{name};")?;
        }
        text.push_str("extern const EmulationKernel *const emulated_kernels[] = {\n");
        for (name, _) in all {
            writeln!(text, "    &emulated_{name},")?;
        }
        text.push_str("    nullptr,\n};\n");
        write("emulated_kernels.cpp", &text)
    }

    /// Writes a generated source, unless it is there as it should be.
    fn write(name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = out_folder()?.join(name);
        if !fs::read_to_string(&path).is_ok_and(|old| old == text) {
            fs::write(&path, text)?;
        }
        Ok(path)
    }
}
