"""One run of the load generator, `wsload`, on the second core."""
import json, os, subprocess

from .servers import await_condition


class Load:
    """Connects; waits, where `waits` says so, until `go`; publishes by its phases; reports."""

    def __init__(self, command: list[str], folder: str, arguments: list, waits: bool):
        self.ready_file, self.go_file, self.log = (os.path.join(folder, "wsload." + end) for end in ("ready", "go", "log"))
        for file in (self.ready_file, self.go_file):
            if os.path.exists(file):
                os.remove(file)
        arguments = [*arguments, "--ready-file", self.ready_file, *(["--go-file", self.go_file] if waits else [])]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def await_ready(self):
        await_condition(
            "connecting", 90, lambda: os.path.exists(self.ready_file) or self.process.poll() is not None)

    def go(self):
        open(self.go_file, "w").close()

    def finish(self) -> dict:
        output, _ = self.process.communicate()
        if not output.strip():
            with open(self.log) as log:
                raise RuntimeError("the generator has measured nothing: " + log.read().strip())
        return json.loads(output)


def faults_of(result: dict) -> list[str]:
    """What must not happen: any of it makes a figure worthless."""
    found = {key: result[key] for key in ("failed", "closed", "proto_err")}
    for phase in result["phases"]:
        for key in ("missing", "stalls", "pub_errs"):
            found[key] = found.get(key, 0) + abs(phase[key])
    if "meanwhile" in result:
        found["missing"] = found.get("missing", 0) + result["meanwhile"]["missing"]
    faults = [f"{value:g} {key}" for key, value in found.items() if value]
    return faults + [result["first_err"]] if faults and result["first_err"] else faults
