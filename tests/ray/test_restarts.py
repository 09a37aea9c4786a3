"""A group that is lost is started again, for as long as that gets the work further."""

from audioforge_ray.restarts import Restarts


def test_only_restarts_that_got_no_further_count():
    restarts = Restarts(2)
    assert [restarts.again(reached) for reached in (0, 0, 0)] == [True, True, False]
    restarts = Restarts(2)
    # A later group that ends before where another got to has got no further.
    assert [restarts.again(reached) for reached in (3, 3, 5, 4, 5, 6)] == [
        True,
        True,
        True,
        True,
        False,
        True,
    ]


def test_none_may_be_allowed():
    assert not Restarts(0).again(7)
