"""When a second round of labels, drawn by the learned policy, pays: numbers of docs/theory.md.

python docs/second_round.py
"""

import numpy as np

from verigap.theory import RewardLaw, greedy_policy
from verigap.theory.arrays import host_array
from verigap.theory.risks import label_information, two_round_share

LABELS, BITS = 32, 10.0
SUCCESSES = (0.05, 0.1, 0.2, 0.4, 0.5, 0.6, 0.8, 0.9)


def main() -> None:
    """One line a success probability."""
    print(f"n = {LABELS} labels, d = {BITS:g} bits; returns 0 and H, the policy that succeeds")
    print("              nats a label       P(a wrong codeword is trusted at last)")
    print("   p  H/E[T]   base  policy  one round  half each    best split  of the policy")
    for success in SUCCESSES:
        law = RewardLaw(host_array([0.0, 1.0]), host_array([[1.0 - success, success]]))
        policy = greedy_policy(law)
        said = label_information(law, policy)
        # By the labels of the second round.
        wrong = [
            1.0 - two_round_share(law, policy, LABELS - last, last, BITS)
            for last in range(LABELS + 1)
        ]
        best = int(np.argmin(wrong))
        # Of equal splits the one without a second round.
        best = 0 if wrong[0] <= wrong[best] * (1.0 + 1e-3) else best
        print(
            f"{success:4g}  {-np.log1p(-success):6.2f}  {said.base:5.3f}  {said.on_policy:6.3f}"
            f"  {wrong[0]:9.2g}  {wrong[LABELS // 2]:9.2g}  {wrong[best]:12.2g}  {best:13}"
        )


if __name__ == "__main__":
    main()
