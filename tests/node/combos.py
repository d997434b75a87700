"""The combinations of expectations.py on a rig: their Services, all of them asked, what came of it."""
import collections
import itertools

from expectations import (DESTINATIONS, asked_from, combinations, deciding_node, expected,
                          policy_for, probe, short, target)
from objects import Service
from probes import ANSWERED, REFUSED, SILENCE, Outcome, ask_all

TURNS = 2  # each is asked so often: where two backends may answer both should


def services_of(rig):
    """One for each pair of policies and each place where endpoints can be."""
    places = {"a": ["a1"], "b": ["b1"], "both": ["a1", "b1"], "none": []}
    return [Service(f"{internal.lower()}-{external.lower()}-{place}", number,
                    [rig.pods[name] for name in names], internal, external)
            for number, ((internal, external), (place, names)) in enumerate(itertools.product(
                itertools.product(("Cluster", "Local"), repeat=2), places.items()), 1)]


def ask_everything(rig, services, wanted_of=expected, all_pods_count=False):
    """(combination, outcome, is right), as often as TURNS says. What is wrong is asked again with
    more patience before it counts: on a machine with much to do a slow answer looks like none."""
    every = combinations(rig, services, all_pods_count) * TURNS
    wanted = [wanted_of(rig, each) for each in every]
    outcomes = ask_all([probe(rig, each) for each in every])
    for _ in range(2):
        again = [i for i, outcome in enumerate(outcomes) if not wanted[i].admits(outcome) and
                 outcome.kind != wanted[i].kind]
        # 1.3 s: a SYN is sent again after one.
        for i, outcome in zip(again, ask_all([probe(rig, every[i]) for i in again], patience=1.3,
                                             parallel=64)):
            outcomes[i] = outcome
    return [(each, outcome, want.admits(outcome))
            for each, outcome, want in zip(every, outcomes, wanted)]


def words(rig, combination, outcome):
    """Without the backend's name: "seen as node", "refused"."""
    text = short(rig, combination, outcome, True)[1]
    return f"seen as {text}" if outcome.kind == ANSWERED else text


def words_of_expected(rig, combination, wanted_of):
    want = wanted_of(rig, combination)
    if want.kind != ANSWERED:
        return want.kind
    return " or ".join(sorted({words(rig, combination, Outcome(ANSWERED, *pair))
                               for pair in want.seen})) or "any answer"


def print_summary(rig, found, wanted_of=expected):
    print("\ncombinations by destination: right / asked")
    for destination in DESTINATIONS:
        line = f"  {destination:12}"
        for protocol, family in itertools.product(("TCP", "UDP"), (0, 1)):
            of = [right for each, _, right in found if
                  (each.destination, each.protocol, each.family) == (destination, protocol, family)]
            line += f"  {protocol} IPv{'46'[family]} {sum(of)}/{len(of)}"
        print(line)
    wrong = collections.Counter(
        f"{each.client.is_a} at {deciding_node(each)} -> {each.destination} {each.protocol}: "
        f"{words(rig, each, outcome)} in place of {words_of_expected(rig, each, wanted_of)}"
        for each, outcome, right in found if not right)
    for text, count in wrong.most_common(40):
        print(f"  WRONG {count} x {text}")
    print(f"  {sum(right for _, _, right in found)} of {len(found)} right", flush=True)


def wrong_ones(rig, found, where=lambda combination: True, wanted_of=expected):
    """What is wrong, as text for a test; empty where nothing is."""
    texts = [f"{each}: {outcome}; must be: {wanted_of(rig, each)}"
             for each, outcome, right in found if where(each) and not right]
    return "\n".join(["", *texts[:20], f"in all {len(texts)}"]) if texts else ""


VERDICTS = {ANSWERED: "forward", REFUSED: "reject", SILENCE: "drop"}


def wrong_explanations(rig, wherries, services, wanted_of=expected):
    """Where `explain` says another verdict, other backends, or that they see somebody else; as text."""
    texts = []
    for each in combinations(rig, services):
        want = wanted_of(rig, each)
        verdict, backends, rule, seen = wherries[deciding_node(each)].explain_all(
            asked_from(each), *target(rig, each), each.protocol)
        names = {pod.addresses[each.family]: pod.name for pod in each.service.backends}
        said = (verdict, {names.get(backend, backend) for backend in backends},
                {names[backend]: whose for backend, whose in seen.items()})
        node = rig.nodes[deciding_node(each)].addresses[each.family]
        if said != (VERDICTS[want.kind], set(want.backends),
                    {name: "node" if address == node else "client" for name, address in want.seen}):
            texts.append(f"{each}: explain says {said} ({rule[:200]}); must be: {want}")
    return "\n".join(["", *texts[:20], f"in all {len(texts)}"]) if texts else ""


def who_answered(rig, found):
    """For each Service, node and protocol, as far as the cluster set serves: (who answered, who may).
    What is less than all ways in together may by chance all fall on one backend."""
    answered, may = collections.defaultdict(set), collections.defaultdict(set)
    for each, outcome, _ in found:
        want = expected(rig, each)
        if want.kind != ANSWERED or policy_for(each) != "Cluster":
            continue
        way = (each.service.name, deciding_node(each), each.protocol)
        answered[way].add(outcome.backend)
        may[way] |= want.backends
    return {way: (answered[way], may[way]) for way in may}
