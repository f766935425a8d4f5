"""What Benchmarks/conformance asks of the Autobahn|Testsuite (spec), and what came of it (summary)."""
import collections, json, os, sys


def spec(out, url, cases):
    with open(os.path.join(out, "spec.json"), "w") as file:
        json.dump(
            {"outdir": os.path.join(out, "report"), "servers": [{"agent": "freeimd", "url": url}], "cases": cases,
             "exclude-cases": [], "exclude-agent-cases": {}}, file)


def verdict(case, behavior):
    """pass, remark (passes, and is shown) or fail."""
    section = case.split(".")[0]
    if behavior in ("OK", "INFORMATIONAL"):
        return "pass"
    # Section 6 is UTF-8: NON-STRICT there is invalid text found late, at the end of the message.
    if behavior == "NON-STRICT" and section != "6":
        return "remark"
    return "fail"


def summary(out):
    index = os.path.join(out, "report", "index.json")
    if not os.path.exists(index):
        print("no report")
        return 2
    with open(index) as file:
        cases = json.load(file).get("freeimd", {})
    counts, failed = collections.Counter(), 0
    for case in sorted(cases, key=lambda case: [int(part) for part in case.split(".")]):
        result = cases[case]
        behavior, close = result["behavior"], result["behaviorClose"]
        counts[behavior] += 1
        verdicts = (verdict(case, behavior), verdict(case, close))
        if verdicts == ("pass", "pass"):
            continue
        failed += "fail" in verdicts
        with open(os.path.join(out, "report", result["reportfile"])) as file:
            report = json.load(file)
        print(f"{'FAIL' if 'fail' in verdicts else 'note'} {case}: {behavior}, close {close}; "
              f"{report.get('result', '')} {report.get('resultClose', '')}")
    print(f"{len(cases)} cases: " + ", ".join(f"{count} {behavior}" for behavior, count in sorted(counts.items())))
    print(f"{failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    command, out, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    sys.exit(spec(out, rest[0], rest[1:]) if command == "spec" else summary(out))
