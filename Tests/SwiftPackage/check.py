"""A package of a user's own, made of what README.md and clients/swift/README.md say, built and run.

    check.py TALLY DIRECTORY

Every Swift program on those pages is a target of the package and runs against the program TALLY. Beside them
stand targets whose names are likely ones of a user's own: none may collide with one of ours. DIRECTORY keeps
the package and its build from one time to the next.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: Names of targets that a user may have, and that rooms of this package had.
LIKELY = ["Server", "Core", "SQLite", "Messages", "Locking", "Measuring", "ProtoJSON", "Bench"]
#: Of a target: what a user may have switched on.
SETTINGS = '[.swiftLanguageMode(.v6), .enableUpcomingFeature("MemberImportVisibility")]'


def fenced(page: pathlib.Path) -> list[str]:
    """The Swift programs of a page."""
    return re.findall(r"^```swift\n(.*?)^```$", page.read_text(), re.M | re.S)


def indented(page: pathlib.Path, heading: str) -> str:
    """The indented program after a line."""
    lines = page.read_text().split(f"\n{heading}\n\n")[1].splitlines()
    taken = []
    for line in lines:
        if line and not line.startswith("    "):
            break
        taken.append(line[4:])
    return "\n".join(taken).rstrip() + "\n"


def product(name: str) -> str:
    return f'.product(name: "{name}", package: "tallystick")'


def write(path: pathlib.Path, text: str) -> None:
    """Leaves alone what is so already, which need not be built again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def make(package: pathlib.Path, programs: list[str], tests: list[str]) -> list[str]:
    """Writes the package; returns the names of its programs."""
    targets = []
    for name in LIKELY:
        facts = f"public enum {name}Facts {{ public static let x = 1 }}\n"
        write(package / "Sources" / name / f"{name}.swift", facts)
        targets.append(f'.target(name: "{name}", swiftSettings: {SETTINGS})')
    names = []
    for number, text in enumerate(programs):
        name = f"program{number}"
        names.append(name)
        write(package / "Sources" / name / "main.swift", text)
        likely = ", ".join(f'"{one}"' for one in LIKELY)
        write(
            package / "Sources" / name / "Beside.swift",
            "".join(f"import {one}\n" for one in LIKELY)
            + f"let beside = {' + '.join(f'{one}.{one}Facts.x' for one in LIKELY)}\n",
        )
        targets.append(
            f'.executableTarget(name: "{name}", dependencies: [{likely}, {product("TallyClient")}], '
            f"swiftSettings: {SETTINGS})"
        )
    for number, text in enumerate(tests):
        write(package / "Tests" / f"Page{number}Tests" / "Page.swift", text)
        targets.append(
            f'.testTarget(name: "Page{number}Tests", dependencies: ["Server", {product("TallyTesting")}], '
            f"swiftSettings: {SETTINGS})"
        )
    lines = ",\n    ".join(targets)
    write(
        package / "Package.swift",
        "// swift-tools-version: 6.2\nimport PackageDescription\n\n"
        f'let package = Package(\n  name: "shop",\n'
        f'  dependencies: [.package(name: "tallystick", path: "{ROOT}")],\n'
        f"  targets: [\n    {lines},\n  ])\n",
    )
    return names


def main() -> int:
    tally, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    page = ROOT / "clients" / "swift" / "README.md"
    texts = [indented(ROOT / "README.md", "In Swift:"), *fenced(page)]
    tests = [text for text in texts if "import Testing\n" in text]
    programs = [text for text in texts if text not in tests]
    if len(programs) < 4 or not tests:
        raise SystemExit("the pages have lost their programs")
    package = directory / "shop"
    names = make(package, programs, tests)
    swift = ["--package-path", str(package), "--scratch-path", str(directory / "build")]
    subprocess.run(["swift", "build", "--build-tests", *swift], check=True)
    found = subprocess.run(["swift", "build", "--show-bin-path", *swift], check=True, stdout=subprocess.PIPE)
    built = pathlib.Path(found.stdout.decode().strip())
    daemon = subprocess.Popen(
        [tally, "serve", "--ephemeral", "--testing", "--lifeline-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert daemon.stdout is not None
    try:
        socket = json.loads(daemon.stdout.readline())["socket"]
        environment = {**os.environ, "TALLY_SOCKET": socket, "TALLY_BINARY": tally}

        def run(name: str) -> str:
            done = subprocess.run(
                [str(built / name)], env=environment, check=True, stdout=subprocess.PIPE, timeout=120
            )
            print(f"{name}: {done.stdout.decode().strip()}")
            return done.stdout.decode()

        # The first page's program, without credit and with it.
        assert run(names[0]).startswith("short of credit:")
        buy = ["credits", "purchase", "alice", "10", "--payment", "first", "--socket", socket]
        subprocess.run([tally, *buy], check=True, stdout=subprocess.DEVNULL)
        assert run(names[0]) == "9750000\n"
        for name in names[1:]:
            assert run(name)
        subprocess.run(["swift", "test", "--skip-build", *swift], check=True, env=environment)
    finally:
        daemon.communicate()
    return 0


sys.exit(main())
