"""The policy engine at 50,000 nodes: compiling whole, moving on, and what administrators ask.

Times are processor time of this process, medians of several rounds; the yardstick of a whole compile is a plain pass
over the same nodes that groups their ids by owner and tags in a dict, timed in the same rounds.
"""

from __future__ import annotations

import gc
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from statistics import median

from bench.policy_network import AT, build_network, build_policy
from mesh.compile import CompiledPolicy, compile_policy, moved, with_policy
from mesh.explain import GroupBy, lint, matrix, preview
from mesh.policy import FactsChange, NetworkFacts, Policy, PortRange, renumber

Row = tuple[str, str, str, bool]

COMPILE_BUDGETS = ((200, 0.2), (1_000, 0.6), (3_000, 1.5))
"""Rules, and the seconds that a whole compile with them may take."""

PLAIN_RATIO = 6.0
EDIT_P50, EDIT_WORST, MOVE_P50 = 0.005, 0.150, 0.0005
PAGE = 1.0


def run(nodes: int = 50_000, rounds: int = 5) -> list[Row]:
    """One row a measure: what, figure, budget, whether it is met."""
    facts = build_network(nodes)
    gc.collect()
    gc.freeze()
    try:
        return [*_compiling(facts, rounds), *_growth(nodes, rounds), *_moving(facts), *_asking(facts)]
    finally:
        gc.unfreeze()


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _plain_pass(facts: NetworkFacts) -> dict[object, list[int]]:
    grouped: dict[object, list[int]] = {}
    for node in facts.nodes:
        grouped.setdefault((node.user, node.tags), []).append(node.id)
    return grouped


def _compiling(facts: NetworkFacts, rounds: int) -> list[Row]:
    rows: list[Row] = []
    for denied in (0.1, 0.5):
        for rules, budget in COMPILE_BUDGETS:
            policy = build_policy(rules, denied=denied)
            seconds, ratios = [], []
            for _ in range(rounds):
                plain = _timed(lambda: _plain_pass(facts))
                seconds.append(_timed(partial(compile_policy, policy, facts, AT)))
                ratios.append(seconds[-1] / plain)
            took = median(seconds)
            what = f"policy compile, {rules:,} rules, {denied:.0%} deny"
            rows.append((what, f"{took * 1e3:.0f} ms", f"< {budget * 1e3:.0f} ms", took < budget))
            if rules == COMPILE_BUDGETS[0][0]:
                ratio = median(ratios)
                rows.append(
                    (f"{what}, against a plain pass", f"{ratio:.1f}x", f"< {PLAIN_RATIO:.0f}x", ratio < PLAIN_RATIO)
                )
    return rows


def _growth(nodes: int, rounds: int) -> list[Row]:
    """How compiling grows with nodes and with rules: the exponent between two sizes, a factor of four apart."""
    small, large = build_network(nodes // 4), build_network(nodes)
    policy = build_policy(200)

    def took(facts: NetworkFacts, rules: Policy) -> float:
        return median(_timed(lambda: compile_policy(rules, facts, AT)) for _ in range(rounds))

    in_nodes = math.log(took(large, policy) / took(small, policy)) / math.log(4)
    in_rules = math.log(took(large, build_policy(2_000)) / took(large, build_policy(500))) / math.log(4)
    return [
        ("policy compile, exponent in nodes", f"{in_nodes:.2f}", "< 1", in_nodes < 1),
        ("policy compile, exponent in rules", f"{in_rules:.2f}", "< 1", in_rules < 1),
    ]


def _moving(facts: NetworkFacts) -> list[Row]:
    chance = random.Random(3)
    compiled = compile_policy(build_policy(200), facts, AT)
    moves = []
    for _ in range(300):
        node = compiled.node(chance.randrange(1, len(facts.nodes) + 1))
        assert node is not None
        change = FactsChange((replace(node, user=None, tags=frozenset({f"tag:t{chance.randrange(60)}"})),))
        moves.append(_timed(partial(moved, compiled, change)))
    edits = _edits(compiled, chance)
    return [
        ("policy, a node changes class, p50", _ms(median(moves)), _ms(MOVE_P50, "< "), median(moves) < MOVE_P50),
        ("policy, a rule edit, p50", _ms(median(edits)), _ms(EDIT_P50, "< "), median(edits) < EDIT_P50),
        ("policy, a rule edit, worst of 80", _ms(max(edits)), _ms(EDIT_WORST, "< "), max(edits) < EDIT_WORST),
    ]


def _edits(compiled: CompiledPolicy, chance: random.Random) -> list[float]:
    """Ports changed, rules put in, taken out and moved to the top, in turn, each edit on top of the one before."""
    fresh = build_policy(200, seed=9).rules[1:]
    times = []
    for step in range(80):
        rules = list(compiled.policy.rules)
        place = chance.randrange(1, len(rules))
        if step % 4 == 0:
            rules[place] = replace(rules[place], ports=(PortRange(7, 9),))
        elif step % 4 == 1:
            rules.insert(place, replace(fresh[step], id=10_000 + step))
        elif step % 4 == 2:
            del rules[place]
        else:
            rules.insert(0, rules.pop(place))
        policy = replace(compiled.policy, rules=renumber(rules))
        start = time.process_time()
        compiled = with_policy(compiled, policy)
        times.append(time.process_time() - start)
    return times


def _asking(facts: NetworkFacts) -> list[Row]:
    compiled = compile_policy(build_policy(200), facts, AT)
    rules = compiled.policy.rules
    after = with_policy(compiled, replace(compiled.policy, rules=renumber((*rules[:50], *rules[51:]))))
    asked: Sequence[tuple[str, Callable[[], object]]] = (
        ("preview of one rule less", lambda: preview(compiled, after)),
        ("matrix by tag", lambda: matrix(compiled, GroupBy.TAG)),
        ("matrix by group", lambda: matrix(compiled, GroupBy.GROUP)),
        ("lint", lambda: lint(compiled)),
    )
    rows: list[Row] = []
    for what, work in asked:
        took = median(_timed(work) for _ in range(3))
        rows.append((f"policy, {what}", _ms(took), _ms(PAGE, "< "), took < PAGE))
    return rows


def _ms(seconds: float, before: str = "") -> str:
    return f"{before}{seconds * 1e3:.2f} ms" if seconds < 0.01 else f"{before}{seconds * 1e3:.0f} ms"


if __name__ == "__main__":
    for row in run():
        print(f"{'ok  ' if row[3] else 'OVER'}  {row[0]:60}  {row[1]:>12}   budget {row[2]}")
