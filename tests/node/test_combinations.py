"""Every combination: who asks, which kind of address, protocol, family, policies, where endpoints are."""
import collections
import itertools
import unittest

from expectations import (DESTINATIONS, asked_from, combinations, deciding_node, expected,
                          policy_for, print_table, probe, target)
from objects import Service, all_objects
from probes import ANSWERED, REFUSED, SILENCE, ask_all
from rig import Rig
from wherry_node import Wherry

TURNS = 2  # each is asked so often: where two backends may answer both should


def services_of(rig):
    """One for each pair of policies and each place where endpoints can be."""
    places = {"a": ["a1"], "b": ["b1"], "both": ["a1", "b1"], "none": []}
    return [Service(f"{internal.lower()}-{external.lower()}-{place}", number,
                    [rig.pods[name] for name in names], internal, external)
            for number, ((internal, external), (place, names)) in enumerate(itertools.product(
                itertools.product(("Cluster", "Local"), repeat=2), places.items()), 1)]


def setUpModule():
    global rig, services, wherries, results
    rig = Rig()
    unittest.addModuleCleanup(rig.close)
    for name in ("a1", "b1"):
        rig.serve(rig.pods[name])
    services = services_of(rig)
    manifests = rig.manifests("manifests", all_objects(rig, services))
    wherries = {}
    for node in rig.nodes.values():
        wherries[node.name] = Wherry(rig, node, manifests=manifests, ready=False)
        unittest.addModuleCleanup(wherries[node.name].close)
    for each in wherries.values():
        each.wait_ready()
    results = ask_everything()
    print_table(rig, services, results)
    print_summary(results)


def ask_everything():
    """(combination, outcome, is right), as often as TURNS says. What is wrong is asked again with
    more patience before it counts: on a machine with much to do a slow answer looks like none."""
    every = combinations(rig, services) * TURNS
    wanted = [expected(rig, each) for each in every]
    outcomes = ask_all([probe(rig, each) for each in every])
    for _ in range(2):
        again = [i for i, outcome in enumerate(outcomes) if not wanted[i].admits(outcome)]
        for i, outcome in zip(again, ask_all([probe(rig, every[i]) for i in again], patience=1.5,
                                             parallel=20)):
            outcomes[i] = outcome
    return [(each, outcome, want.admits(outcome))
            for each, outcome, want in zip(every, outcomes, wanted)]


def print_summary(found):
    print("\ncombinations by destination: right / asked")
    for destination in DESTINATIONS:
        for protocol in ("TCP", "UDP"):
            for family in (0, 1):
                of = [right for each, _, right in found if (each.destination, each.protocol,
                                                            each.family) == (destination, protocol,
                                                                             family)]
                print(f"  {destination:12} {protocol} IPv{'46'[family]}  {sum(of)}/{len(of)}")
    wrong = collections.Counter()
    for each, outcome, right in found:
        if not right:
            wrong[f"{each.client.is_a} at {deciding_node(each)[-1]} -> {each.destination} "
                  f"{each.protocol}: {outcome.kind} "
                  f"in place of {expected(rig, each).kind}"] += 1
    for text, count in wrong.most_common(40):
        print(f"  WRONG {count} x {text}")
    print(f"  {sum(right for _, _, right in found)} of {len(found)} right", flush=True)


class Combinations(unittest.TestCase):
    def wrong(self, where):
        texts = [f"{each}: {outcome}; must be: {expected(rig, each)}"
                 for each, outcome, right in results if where(each) and not right]
        return "\n".join(texts[:20] + ([f"and {len(texts) - 20} more"] if len(texts) > 20 else []))

    def test_E6_to_E9_F3_F8_every_combination_over_TCP_is_as_the_contract_says(self):
        wrong = self.wrong(lambda each: each.protocol == "TCP")
        self.assertEqual(wrong, "", "\n" + wrong)

    def test_U1_every_combination_over_UDP_is_as_the_contract_says(self):
        wrong = self.wrong(lambda each: each.protocol == "UDP")
        self.assertEqual(wrong, "", "\n" + wrong)

    def test_every_backend_that_may_answer_does(self):
        """Over all clients of a way in: one client's turns may all fall on one backend."""
        answered = collections.defaultdict(set)
        may = collections.defaultdict(set)
        for each, outcome, _ in results:
            way = (each.service.name, each.destination, each.protocol, each.family,
                   policy_for(each))
            want = expected(rig, each)
            if want.kind == ANSWERED and policy_for(each) == "Cluster":
                may[way] |= want.backends
                answered[way].add(outcome.backend)
        for way, names in may.items():
            with self.subTest(way=way):
                self.assertEqual(answered[way], names)

    def test_explain_says_of_each_what_the_contract_says(self):
        verdicts = {ANSWERED: "forward", REFUSED: "reject", SILENCE: "drop"}
        wrong = []
        for each in combinations(rig, services):
            address, port = target(rig, each)
            want = expected(rig, each)
            verdict, backends, rule = wherries[deciding_node(each)].explain(
                asked_from(each), address, port, each.protocol)
            names = {pod.addresses[each.family]: pod.name for pod in each.service.backends}
            said = (verdict, {names.get(backend, backend) for backend in backends})
            if said != (verdicts[want.kind], set(want.backends)):
                wrong.append(f"{each}: explain says {said} ({rule}); must be: {want}")
        text = "\n".join(wrong[:20])
        self.assertEqual(len(wrong), 0, "\n" + text)


if __name__ == "__main__":
    unittest.main()
