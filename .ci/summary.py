"""Counts the tests that ran, from the reports of surefire and failsafe, and names the skips by reason.

Fails where a test failed, or where fewer ran than the repository records for a machine that has everything. No
processor has every instruction set, so tests of another one's kernels count as accounted for.
"""

import argparse
import collections
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--expected", type=pathlib.Path, required=True)
    expected = int(arguments.parse_args().expected.read_text().split()[0])

    passed = failed = 0
    skips = collections.Counter()
    for report in sorted(pathlib.Path(".").glob("*/target/*-reports/TEST-*.xml")):
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            skipped = case.find("skipped")
            if skipped is not None:
                reason = (skipped.get("message") or skipped.text or "no reason given").splitlines()[0]
                skips[reason.split("TestAbortedException: ")[-1].removeprefix("Assumption failed: ")] += 1
            elif case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                print(f"failed: {case.get('classname')}.{case.get('name')}")
            else:
                passed += 1

    for reason, count in skips.most_common():
        print(f"skipped {count}: {reason}")
    print(f"{passed} passed, {failed} failed, {sum(skips.values())} skipped")
    accounted = passed + sum(count for reason, count in skips.items() if "this CPU has no" in reason)
    if accounted < expected:
        print(f"only {accounted} tests ran; a machine that has everything runs {expected} (.ci/tests-expected)")
    return 1 if failed or accounted < expected else 0


sys.exit(main())
