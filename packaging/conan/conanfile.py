# SPDX-License-Identifier: BSD-3-Clause
"""Conan 2: `conan create packaging/conan`, from a clone. Its sources are those around this file."""
import os

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load

PARTS = ["core", "autograd", "nn", "optim", "distributions", "models", "data", "inspect", "onnx"]  # what a part uses comes before it


class NewtapeConan(ConanFile):
    name = "newtape"
    description = "Reverse-mode automatic differentiation on xtensor arrays, for training models and for optimization"
    license = "BSD-3-Clause"
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {option: [True, False]
               for option in ("shared", "fPIC", "with_libzip", "with_pictures", "with_cholmod", "with_mpi")}
    default_options = {"shared": False, "fPIC": True, "with_libzip": True, "with_pictures": True, "with_cholmod": False,
                       "with_mpi": False}
    implements = ["auto_shared_fpic"]

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "..", "..", "core", "version.hpp"))
        numbers = dict(line.split()[1:3] for line in header.splitlines() if line.startswith("#define NEWTAPE_VERSION_"))
        self.version = ".".join(numbers["NEWTAPE_VERSION_" + part] for part in ("MAJOR", "MINOR", "PATCH"))

    def export_sources(self):
        source = os.path.join(self.recipe_folder, "..", "..")
        files = ["CMakeLists.txt", "LICENSE", "CHANGELOG.md", "newtape.hpp", "mpi.hpp", "cmake/*", "packaging/debian/*", "tools/info.cpp",
                 "tools/make_exports"]
        for pattern in files + [f"{part}/*" for part in [*PARTS, "mpi"]]:
            copy(self, pattern, source, self.export_sources_folder)

    def requirements(self):
        self.requires("xtensor/0.24.7", transitive_headers=True)
        self.requires("xtensor-blas/0.20.0")  # headers only, while Newtape itself is compiled
        self.requires("fmt/10.2.1", transitive_headers=True, transitive_libs=True)
        self.requires("openblas/0.3.27")
        self.requires("zlib/[>=1.2.11 <2]")
        self.requires("nlohmann_json/3.11.3")
        if self.options.with_libzip:
            self.requires("libzip/1.10.1")
        if self.options.with_pictures:
            self.requires("libpng/[>=1.6 <2]")
            self.requires("libjpeg-turbo/3.0.2")
        if self.options.with_cholmod:
            self.requires("suitesparse-cholmod/5.2.1")
        if self.options.with_mpi:
            self.requires("openmpi/4.1.6")

    def validate(self):
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for what in ("TESTS", "EXAMPLES", "BENCHMARKS"):
            toolchain.variables[f"NEWTAPE_BUILD_{what}"] = False
        toolchain.variables["NEWTAPE_UNITY"] = 8
        toolchain.variables["NEWTAPE_CHOLMOD"] = bool(self.options.with_cholmod)
        toolchain.variables["NEWTAPE_MPI"] = bool(self.options.with_mpi)
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()

    def package_info(self):
        # The package's own CMake files: they tell programs where the data sets are.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = [os.path.join("lib", "cmake", "newtape")]
        self.cpp_info.libs = ["newtape"] if self.options.shared else [f"newtape_{part}" for part in reversed(PARTS)]
        self.runenv_info.define_path("NEWTAPE_DATA", os.path.join(self.package_folder, "share", "newtape"))
