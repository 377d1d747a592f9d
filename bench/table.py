"""The table that a run prints, and the goals in it."""

GOALS = {
    "free": 1.10, "402": 1.10, "paid": 1.45, "tls": 1.10, "h2-1": 1.05, "h2-10": 0.50, "bodies": 1.20, "latency": 1.20,
    # Counting shall cost less than 5% of what a stream costs in all.
    "usage": 1 / 0.95,
    # At least 0.8 of nginx's handshakes for a CPU-second is at most 1.25 of its CPU for a handshake.
    "handshakes": 1.25,
}
PEER_GOAL = 15
IDLE_GOAL_MB, HELD_GOAL_KB, HELD_TLS_GOAL_KB = 40, 20, 60

HEADING = "| work | against | Farebox | theirs | ratio | goal | met |\n|---|---|---|---|---|---|---|"


def met(is_met):
    return "yes" if is_met else "**no**"


def row(work, against, ours, theirs, goal=None):
    """One comparison; `goal` names the largest ratio that is wanted."""
    ratio, bound = ours / theirs, GOALS.get(goal)
    wanted = ("", "") if bound is None else (f"≤ {bound:.2f}", met(ratio <= bound))
    return f"| {work} | {against} | {ours:.3f} | {theirs:.3f} | **{ratio:.2f}** | {wanted[0]} | {wanted[1]} |"


def peer_row(work, against, ours, theirs, has_goal):
    times = theirs / ours
    wanted = (f"≥ {PEER_GOAL} ×", met(times >= PEER_GOAL)) if has_goal else ("", "")
    return f"| {work} | {against} | {ours:.3f} | {theirs:.3f} | **{times:.1f} ×** less | {wanted[0]} | {wanted[1]} |"


def memory_row(what, used, goal, unit):
    return f"| {what} | – | {used:.1f} {unit} | – | | ≤ {goal} {unit} | {met(used <= goal)} |"
