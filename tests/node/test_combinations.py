"""Every combination: who asks, which kind of address, protocol, family, policies, where endpoints are."""
import json
import unittest

from combos import (ask_everything, print_summary, services_of, who_answered, wrong_explanations,
                    wrong_ones)
from expectations import asked_from, combinations, deciding_node, print_table, target
from objects import all_objects
from rig import rig_that_serves
from wherry_node import both_nodes


def setUpModule():
    global rig, services, wherries, results
    rig = rig_that_serves(("a1", "b1"), unittest.addModuleCleanup)
    services = services_of(rig)
    wherries = both_nodes(rig, rig.manifests("manifests", all_objects(rig, services)))
    for each in wherries.values():
        unittest.addModuleCleanup(each.close)
    results = ask_everything(rig, services)
    print_table(rig, services, results)
    print_summary(rig, results)


class Combinations(unittest.TestCase):
    maxDiff = None

    def test_E6_to_E9_F3_F8_every_combination_over_TCP_is_as_the_contract_says(self):
        wrong = wrong_ones(rig, results, lambda each: each.protocol == "TCP")
        self.assertEqual(wrong, "")

    def test_U1_every_combination_over_UDP_is_as_the_contract_says(self):
        wrong = wrong_ones(rig, results, lambda each: each.protocol == "UDP")
        self.assertEqual(wrong, "")

    def test_every_backend_that_may_answer_does(self):
        for way, (answered, may) in who_answered(rig, results).items():
            with self.subTest(way=way):
                self.assertEqual(answered, may)

    def test_explain_says_of_each_what_the_contract_says(self):
        self.assertEqual(wrong_explanations(rig, wherries, services), "")

    def test_the_command_explain_says_what_the_page_says(self):
        for each in combinations(rig, services)[::97]:
            wherry = wherries[deciding_node(each)]
            address, port = target(rig, each)
            to = f"[{address}]:{port}" if each.family else f"{address}:{port}"
            code, output, errors = wherry.command(
                "explain", asked_from(each), to, "--protocol", each.protocol, "-o", "json",
                "--admin-address", wherry.admin)
            with self.subTest(combination=str(each)):
                self.assertEqual(code, 0, errors)
                said = json.loads(output)
                self.assertEqual((said["verdict"], said["rule"]),
                                 wherry.explain(asked_from(each), address, port,
                                                each.protocol)[::2])


if __name__ == "__main__":
    unittest.main()
