"""What the suites look at of a running wherry, wherever it runs."""
import os
import re


def sum_of_samples(metrics, name, **labels):
    """The sum of all samples of this name in the text of /metrics that have these labels."""
    total = 0.0
    for line in metrics.splitlines():
        if re.match(re.escape(name) + r"([{ ]|$)", line) and all(
                f'{key}="{value}"' in line for key, value in labels.items()):
            total += float(line.rsplit(" ", 1)[1])
    return total


def cpu_seconds(process):
    """What all its threads have used."""
    total = 0
    for task in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9
