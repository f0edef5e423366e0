"""How tags are spelt, and what stands in for many."""

import unittest

from vitrine_django import names


class Spelling(unittest.TestCase):
    def test_what_cannot_stand_in_a_tag_is_percent_encoded_in_one_way(self) -> None:
        for text, name in [
            ("product:12", "product:12"),
            ("a b", "a%20b"),
            ("a,b", "a%2Cb"),
            ("100%", "100%25"),
            ("Tür", "T%C3%BCr"),
            ("বাতি", "%E0%A6%AC%E0%A6%BE%E0%A6%A4%E0%A6%BF"),
            ("a\nb\0", "a%0Ab%00"),
            ("\x7f", "%7F"),
        ]:
            self.assertEqual(names.spell(text), name)

    def test_two_texts_never_have_one_name(self) -> None:
        self.assertNotEqual(names.spell("a b"), names.spell("a%20b"))
        long = "product:" + "x" * 200
        self.assertNotEqual(names.spell(long + "1"), names.spell(long + "2"))

    def test_a_long_name_is_cut_to_what_vitrine_takes_and_keeps_its_broader_name(self) -> None:
        name = names.spell("product:" + "ü" * 100)
        self.assertEqual(len(name), 128)
        self.assertRegex(name, r"^product:.*~[0-9a-f]{32}$")
        self.assertEqual(names.broader(name), "product")
        self.assertEqual(len(names.spell("x" * 128)), 128)
        self.assertEqual(names.spell("x" * 128), "x" * 128)

    def test_what_is_no_tag_of_ours_is_refused(self) -> None:
        for text in ("", "session:abc"):
            with self.assertRaises(ValueError):
                names.spell(text)


class Events(unittest.TestCase):
    def test_an_event_names_the_broader_ones_too(self) -> None:
        self.assertEqual(names.for_event(["product:1", "product:2"]), ["product:1", "product:2", "product", "vitrine-any"])
        self.assertEqual(names.for_event([]), [])
        self.assertEqual(names.for_event(["hot"]), ["hot", "vitrine-any"])

    def test_a_text_that_a_rule_may_have_made_is_named_as_it_stands_too(self) -> None:
        self.assertIn("product:বাতি", names.for_event(["product:বাতি"]))
        self.assertEqual(names.for_event(["a b"]), ["a%20b", "vitrine-any"])
        self.assertEqual(names.for_event(["a\u2003b"])[1:], ["vitrine-any"])


class Limits(unittest.TestCase):
    def test_the_largest_family_gives_way_to_its_broader_name(self) -> None:
        many = [f"product:{number}" for number in range(8)] + ["category:1", "banner"]
        self.assertEqual(names.within_limits(many, 10, 4096), many)
        self.assertEqual(names.within_limits(many, 9, 4096), ["product", "category:1", "banner"])
        self.assertEqual(names.within_limits(many, 2, 4096), ["vitrine-any"])

    def test_bytes_count_too(self) -> None:
        many = [f"product:{number}" for number in range(10)]
        self.assertEqual(len(" ".join(many)), 99)
        self.assertEqual(names.within_limits(many, 100, 99), many)
        self.assertEqual(names.within_limits(many, 100, 98), ["product"])

    def test_nothing_is_ever_left_out(self) -> None:
        """Whatever the page shows, an event about it purges one of the names that the page bears."""
        shown = [f"{model}:{number}" for model in "abcdefgh" for number in range(20)] + ["x", "y"]
        for count in range(1, 170):
            borne = names.within_limits(shown, count, 4096)
            self.assertLessEqual(len(borne), count)
            for own in shown:
                self.assertTrue(set(names.for_event([own])) & set(borne), (own, count))
