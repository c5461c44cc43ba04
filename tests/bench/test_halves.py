from delegate.bench.halves import halves


def test_every_problem_is_in_one_half_and_the_odd_one_is_held_out():
    seen, held = halves(7, seed=3)

    assert (seen.sum(), held.sum()) == (3, 4)
    assert (seen ^ held).all()


def test_a_seed_always_makes_the_same_halves():
    assert halves(50, 1)[0].tolist() == halves(50, 1)[0].tolist() != halves(50, 2)[0].tolist()
