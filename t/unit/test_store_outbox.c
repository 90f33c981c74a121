/* What a store that several servers share has beside: outbox, what others wrote, notes, the walk. */
#include "store.h"

#define MANY 2500

static aten_store_write_t letters[ATEN_STORE_BATCH_MAX];
static apr_uint64_t last;

static void open_shared(apr_size_t bytes_max)
{
    open_store(bytes_max);
    assert_int_equal(aten_store_lmdb_share(store, 1), APR_SUCCESS);
}

/* @return how many, in letters */
static int take_letters(int max)
{
    int count = -1;

    assert_int_equal(aten_store_lmdb_outbox(store, letters, max, &count, &last), APR_SUCCESS);
    return count;
}

static void assert_letter(int i, aten_store_write_t want)
{
    assert_memory_equal(&letters[i].key, &want.key, sizeof(want.key));
    assert_true(letters[i].value == want.value && letters[i].until == want.until && !letters[i].quiet);
    assert_int_equal(letters[i].raise, want.raise);
}

static aten_store_write_t set_nth(int number)
{
    return set_of(quick_key(1, (unsigned int)number), LATER);
}

/* -- What goes there -- */

static void nothing_is_posted_where_nobody_listens(void **state)
{
    open_store(BYTES);
    assert_int_equal(aten_store_lmdb_is_shared(store), 0);
    assert_int_equal(put_one(set_nth(1), NOW), APR_SUCCESS);
    assert_int_equal(raise_to(quick_key(2, 1), 5, LATER, NOW), APR_SUCCESS);
    assert_int_equal(usage().outbox, 0);
    assert_int_equal(take_letters(10), 0);
    assert_true(last == 0);
}

static void what_is_written_is_posted_in_order(void **state)
{
    const aten_store_write_t both[] = {raise_of(quick_key(2, 1), 5, LATER), quietly(set_nth(2)), set_nth(3)};
    const aten_store_write_t refused[] = {set_nth(4), set_nth(3)};

    open_shared(BYTES);
    assert_int_equal(put_one(set_nth(1), NOW), APR_SUCCESS);
    assert_int_equal(put(both, 3, NOW), APR_SUCCESS);
    assert_int_equal(put_one(quietly(set_nth(5)), NOW), APR_SUCCESS);
    assert_int_equal(put(refused, 2, NOW), APR_EEXIST);
    assert_int_equal(put_one(raise_of(quick_key(2, 1), 4, NOW + 1), NOW), APR_SUCCESS); /* changes nothing */
    assert_int_equal(put_one(raise_of(quick_key(2, 2), 4, NOW), NOW), APR_SUCCESS); /* nothing to remember */
    assert_int_equal(put_one(raise_of(quick_key(2, 1), 4, LATER + 9), NOW), APR_SUCCESS);
    assert_int_equal(take_letters(10), 4);
    assert_letter(0, set_nth(1));
    assert_letter(1, both[0]);
    assert_letter(2, both[2]);
    assert_letter(3, raise_of(quick_key(2, 1), 5, LATER + 9)); /* as it stands now */
    assert_int_equal(usage().outbox, 4);
    close_store();
    open_store(BYTES);
    assert_int_equal(take_letters(2), 2);
    assert_letter(0, set_nth(1));
    assert_letter(1, both[0]);
}

static void what_has_arrived_leaves(void **state)
{
    apr_uint64_t first;
    int i;

    open_shared(BYTES);
    for (i = 0; i < 5; i++) assert_int_equal(put_one(set_nth(i), NOW), APR_SUCCESS);
    assert_int_equal(take_letters(2), 2);
    first = last;
    assert_int_equal(aten_store_lmdb_delivered(store, 0), APR_SUCCESS);
    assert_int_equal(usage().outbox, 5);
    assert_int_equal(aten_store_lmdb_delivered(store, first), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_delivered(store, first), APR_SUCCESS); /* twice: of two that carry */
    assert_int_equal(take_letters(10), 3);
    assert_letter(0, set_nth(2));
    assert_int_equal(put_one(set_nth(7), NOW), APR_SUCCESS); /* meanwhile */
    assert_int_equal(aten_store_lmdb_delivered(store, last), APR_SUCCESS);
    assert_int_equal(take_letters(10), 1);
    assert_letter(0, set_nth(7));
    assert_int_equal(usage().records, 6);
}

/* One that carries has read; the outbox is emptied otherwise, and filled anew; then it says what it delivered. */
static void numbers_never_come_again(void **state)
{
    apr_uint64_t read_by_one;
    int i;

    open_shared(BYTES);
    for (i = 0; i < 50; i++) assert_int_equal(put_one(set_nth(i), NOW), APR_SUCCESS);
    assert_int_equal(take_letters(50), 50);
    read_by_one = last;
    assert_int_equal(aten_store_lmdb_delivered(store, last), APR_SUCCESS);
    assert_int_equal(usage().outbox, 0);
    close_store();
    open_store(BYTES);
    assert_int_equal(put_one(set_nth(60), NOW), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_delivered(store, read_by_one), APR_SUCCESS);
    assert_int_equal(take_letters(50), 1);
    assert_true(last > read_by_one);
    read_by_one = last;
    assert_int_equal(aten_store_lmdb_share(store, 0), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_share(store, 1), APR_SUCCESS);
    assert_int_equal(put_one(set_nth(61), NOW), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_delivered(store, read_by_one), APR_SUCCESS);
    assert_int_equal(take_letters(50), 1);
    assert_letter(0, set_nth(61));
}

static void many_letters(void **state)
{
    int i, got = 0, count;

    open_shared(BYTES);
    for (i = 0; i < MANY; i++) assert_int_equal(put_one(set_nth(i), NOW), APR_SUCCESS);
    assert_int_equal(usage().outbox, MANY);
    while ((count = take_letters(700)) > 0) {
        for (i = 0; i < count; i++) assert_letter(i, set_nth(got + i));
        got += count;
        assert_int_equal(aten_store_lmdb_delivered(store, last), APR_SUCCESS);
    }
    assert_int_equal(got, MANY);
    for (i = 0; i < MANY; i++) assert_int_equal(put_one(set_nth(MANY + i), NOW), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_delivered(store, (apr_uint64_t)-1), APR_SUCCESS); /* more than one transaction's */
    assert_int_equal(usage().outbox, 0);
    assert_int_equal(usage().records, 2 * MANY);
}

static void what_nobody_could_be_told_in_time_leaves(void **state)
{
    int i;

    open_shared(BYTES);
    for (i = 0; i < 40; i++) assert_int_equal(add_one(quick_key(3, (unsigned int)i), NOW + 10 + i, NOW), APR_SUCCESS);
    assert_int_equal(take_letters(100), 40); /* nothing has expired */
    assert_int_equal(put_one(set_nth(1), NOW + 20), APR_SUCCESS);
    assert_int_equal(take_letters(100), 40 - 11 + 1);
    assert_letter(0, set_of(quick_key(3, 11), NOW + 21));
    assert_int_equal(aten_store_lmdb_sweep(store, 1000, NULL, NOW + 1000), APR_SUCCESS);
    assert_int_equal(take_letters(100), 1);
    assert_letter(0, set_nth(1));
}

static void sharing_is_remembered_and_ends(void **state)
{
    apr_uint64_t before;

    open_shared(BYTES);
    before = version();
    assert_int_equal(aten_store_lmdb_share(store, 1), APR_SUCCESS);
    assert_true(version() == before); /* children ask for it, each at its start */
    close_store();
    open_store(BYTES);
    assert_int_equal(aten_store_lmdb_is_shared(store), 1);
    assert_int_equal(put_one(set_nth(1), NOW), APR_SUCCESS);
    assert_int_equal(usage().outbox, 1);
    assert_int_equal(aten_store_lmdb_share(store, 0), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_is_shared(store), 0);
    assert_int_equal(usage().outbox, 0);
    assert_int_equal(put_one(set_nth(2), NOW), APR_SUCCESS);
    assert_int_equal(usage().outbox, 0);
    before = version();
    assert_int_equal(aten_store_lmdb_share(store, 0), APR_SUCCESS);
    assert_true(version() == before);
    assert_int_equal(usage().records, 2);
}

/* -- What others wrote -- */

static void what_others_wrote_is_taken(void **state)
{
    const aten_store_key_t a = quick_key(1, 1), b = quick_key(1, 2), c = quick_key(1, 3), d = quick_key(1, 4);
    const aten_store_key_t e = quick_key(1, 5);
    const aten_store_write_t theirs[] = {
        set_of(a, NOW + 99),                 /* is there already: stays as it is */
        raise_of(b, 7, NOW + 5),             /* over a lower mark that lives longer */
        set_of(c, LATER),
        set_of(c, LATER),                    /* twice */
        set_of(d, NOW), raise_of(d, 9, NOW), /* has expired */
        raise_of(b, 99, NOW),                /* has expired: a mark that counts no more */
        {e, -1, LATER, 1, 0},                /* makes no sense */
        {e, 0, -5, 0, 0},
    };
    char text[ATEN_STORE_NOTE_BYTES_MAX + 1];
    apr_uint64_t before;

    open_shared(BYTES);
    assert_int_equal(put_one(quietly(set_of(a, NOW + 50)), NOW), APR_SUCCESS);
    assert_int_equal(put_one(quietly(raise_of(b, 3, NOW + 50)), NOW), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_apply(store, theirs, COUNT(theirs), "position", "1-1", NOW), APR_SUCCESS);
    assert_true(value_of(a, NOW + 49) == 0 && value_of(a, NOW + 50) == ATEN_STORE_ABSENT);
    assert_true(value_of(b, NOW + 49) == 7 && value_of(b, NOW + 50) == ATEN_STORE_ABSENT);
    assert_true(value_of(c, NOW) == 0);
    assert_int_equal(usage().records, 3);
    assert_int_equal(usage().outbox, 0);
    assert_int_equal(aten_store_lmdb_noted(store, "position", text), APR_SUCCESS);
    assert_string_equal(text, "1-1");
    before = version();
    assert_int_equal(aten_store_lmdb_apply(store, theirs, COUNT(theirs), "position", "1-1", NOW), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_apply(store, theirs, COUNT(theirs), NULL, NULL, NOW), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_apply(store, NULL, 0, NULL, NULL, NOW), APR_SUCCESS);
    assert_true(version() == before);
    assert_int_equal(aten_store_lmdb_apply(store, NULL, 0, "position", "1-2", NOW), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_noted(store, "position", text), APR_SUCCESS);
    assert_string_equal(text, "1-2");
    assert_int_equal(usage().records, 3);
}

static void odd_calls_are_refused(void **state)
{
    static aten_store_write_t many[ATEN_STORE_BATCH_MAX + 1];
    char longest[ATEN_STORE_NOTE_BYTES_MAX + 2], text[ATEN_STORE_NOTE_BYTES_MAX + 1];
    int count;

    open_store(BYTES);
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(aten_store_lmdb_apply(store, many, -1, NULL, NULL, NOW), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_apply(store, many, COUNT(many), NULL, NULL, NOW), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_apply(store, many, 1, NULL, NULL, -1), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_apply(store, many, 1, "", "x", NOW), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_outbox(store, many, 0, &count, &last), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_outbox(store, many, COUNT(many), &count, &last), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_walk(store, NULL, many, 0, &count, NOW), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_walk(store, NULL, many, COUNT(many), &count, NOW), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_note(store, NULL, "x"), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_note(store, "", "x"), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_note(store, "a", NULL), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_note(store, "a", longest), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_note(store, longest, "x"), APR_EINVAL);
    assert_int_equal(aten_store_lmdb_noted(store, "", text), APR_EINVAL);
    assert_string_equal(text, "");
    longest[sizeof(longest) - 2] = '\0';
    assert_int_equal(aten_store_lmdb_note(store, longest, longest), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_noted(store, longest, text), APR_SUCCESS);
    assert_string_equal(text, longest);
}

/* What others wrote has stood in the same room there: it goes in where a login is refused here. */
static void a_full_store_still_takes_what_others_wrote(void **state)
{
    static aten_store_write_t theirs[ATEN_STORE_BATCH_MAX];
    char text[ATEN_STORE_NOTE_BYTES_MAX + 1];
    apr_status_t rv = APR_SUCCESS;
    int i, j, batches;

    open_store(1);
    for (i = 0; rv == APR_SUCCESS; i++) rv = put_one(set_nth(i), NOW);
    assert_int_equal(rv, APR_ENOSPC);
    for (i = 0; i < ATEN_STORE_BATCH_MAX; i++) {
        const aten_store_key_t key = quick_key(2, (unsigned int)i);

        theirs[i] = i % 2 ? set_of(key, LATER) : raise_of(key, 1, LATER);
    }
    assert_int_equal(aten_store_lmdb_apply(store, theirs, ATEN_STORE_BATCH_MAX, "position", "1-1", NOW), APR_SUCCESS);
    for (i = 0; i < ATEN_STORE_BATCH_MAX; i++) assert_true(value_of(theirs[i].key, NOW) == (i % 2 ? 0 : 1));

    rv = APR_SUCCESS;
    for (batches = 0; rv == APR_SUCCESS && batches < 100; batches++) {
        for (j = 0; j < ATEN_STORE_BATCH_MAX; j++) {
            theirs[j] = raise_of(quick_key(9, (unsigned int)(batches * 1000 + j)), 1, LATER);
        }
        rv = aten_store_lmdb_apply(store, theirs, ATEN_STORE_BATCH_MAX, "position", "1-2", NOW);
    }
    assert_int_equal(rv, APR_ENOSPC);
    /* As far as it went, so much must not be read again; what failed is not noted. */
    assert_int_equal(aten_store_lmdb_noted(store, "position", text), APR_SUCCESS);
    assert_string_equal(text, batches > 1 ? "1-2" : "1-1");
    assert_int_equal(aten_store_lmdb_apply(store, theirs, ATEN_STORE_BATCH_MAX, "position", "1-3", NOW), APR_ENOSPC);
    assert_int_equal(aten_store_lmdb_noted(store, "position", text), APR_SUCCESS);
    assert_string_not_equal(text, "1-3");
    /* The outbox can still be emptied and a note still be written; it goes on when time has passed. */
    assert_int_equal(aten_store_lmdb_note(store, "position", "1-4"), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_sweep(store, 1000000, &i, LATER), APR_SUCCESS);
    assert_true(i > 10000);
    assert_int_equal(usage().records, 0);
    for (j = 0; j < ATEN_STORE_BATCH_MAX; j++) theirs[j].until = LATER + 10;
    assert_int_equal(aten_store_lmdb_apply(store, theirs, ATEN_STORE_BATCH_MAX, "position", "1-5", LATER), APR_SUCCESS);
}

static void an_outbox_that_nobody_empties_ends_with_room(void **state)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t waiting;
    unsigned int i, ended;

    open_shared(1);
    for (i = 0; rv == APR_SUCCESS; i++) rv = raise_to(quick_key(1, i), 1, LATER, NOW);
    assert_int_equal(rv, APR_ENOSPC);
    ended = i - 1;
    waiting = usage().outbox;
    assert_int_equal(waiting, ended);
    while (take_letters(ATEN_STORE_BATCH_MAX)) assert_int_equal(aten_store_lmdb_delivered(store, last), APR_SUCCESS);
    assert_int_equal(usage().outbox, 0);
    assert_int_equal(usage().records, ended);
    for (i = 0; i < 100; i++) assert_int_equal(raise_to(quick_key(2, i), 1, LATER, NOW), APR_SUCCESS);
}

/* -- Notes -- */

static void notes_are_kept(void **state)
{
    char text[ATEN_STORE_NOTE_BYTES_MAX + 1] = "old";
    apr_uint64_t before;

    open_store(BYTES);
    assert_int_equal(aten_store_lmdb_noted(store, "a", text), APR_NOTFOUND);
    assert_string_equal(text, "");
    before = version();
    assert_int_equal(aten_store_lmdb_note(store, "a", ""), APR_SUCCESS);
    assert_true(version() == before);
    assert_int_equal(aten_store_lmdb_note(store, "a", "12-3"), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_note(store, "ab", "other"), APR_SUCCESS);
    before = version();
    assert_int_equal(aten_store_lmdb_note(store, "a", "12-3"), APR_SUCCESS);
    assert_true(version() == before);
    assert_int_equal(aten_store_lmdb_note(store, "a", "12-30"), APR_SUCCESS);
    close_store();
    open_store(BYTES);
    assert_int_equal(aten_store_lmdb_noted(store, "a", text), APR_SUCCESS);
    assert_string_equal(text, "12-30");
    assert_int_equal(aten_store_lmdb_note(store, "a", "1"), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_noted(store, "a", text), APR_SUCCESS);
    assert_string_equal(text, "1");
    assert_int_equal(aten_store_lmdb_note(store, "a", ""), APR_SUCCESS);
    assert_int_equal(aten_store_lmdb_noted(store, "a", text), APR_NOTFOUND);
    assert_int_equal(aten_store_lmdb_noted(store, "ab", text), APR_SUCCESS);
    assert_string_equal(text, "other");
    assert_int_equal(usage().records, 0);
}

/* -- The walk -- */

static void a_walk_gives_each_record_once(void **state)
{
    const int sizes[] = {1, 7, 100, 128, 129, 1000};
    int i, j;

    open_store(BYTES);
    for (i = 0; i < 128; i++) {
        const aten_store_key_t key = quick_key(1, (unsigned int)i);

        assert_int_equal(put_one(i % 2 ? set_of(key, LATER) : raise_of(key, i + 1, LATER + i), NOW), APR_SUCCESS);
    }
    /* expired, and not swept: at the beginning, the end, and between */
    for (i = 0; i < 10; i++) assert_int_equal(add_one(quick_key(2, (unsigned int)i), NOW + 10, NOW), APR_SUCCESS);
    for (i = 0; i < COUNT(sizes); i++) {
        const aten_store_key_t *from = NULL;
        int seen = 0, count;

        do {
            aten_store_key_t before = from ? *from : quick_key(0, 0);

            assert_int_equal(aten_store_lmdb_walk(store, from, letters, sizes[i], &count, NOW + 10), APR_SUCCESS);
            for (j = 0; j < count; j++) {
                const unsigned int number = letters[j].key.bytes[4];

                assert_true(!seen || memcmp(&before, &letters[j].key, sizeof(before)) < 0);
                before = letters[j].key;
                assert_letter(j, number % 2 ? set_of(quick_key(1, number), LATER)
                                            : raise_of(quick_key(1, number), number + 1, LATER + number));
                seen++;
            }
            if (count) from = &letters[count - 1].key; /* in the room that the next call fills */
        } while (count == sizes[i]);
        if (seen != 128) fail_msg("%d at once: %d", sizes[i], seen);
    }
    assert_int_equal(aten_store_lmdb_walk(store, NULL, letters, 10, &i, LATER + 1000), APR_SUCCESS);
    assert_int_equal(i, 0);
}

static void what_is_walked_makes_another_store_the_same(void **state)
{
    int i, count;

    open_shared(BYTES);
    for (i = 0; i < 100; i++) {
        const aten_store_write_t marked = raise_of(quick_key(1, (unsigned int)i), 7, LATER);

        assert_int_equal(put_one(i % 3 ? set_nth(i) : marked, NOW), APR_SUCCESS);
    }
    assert_int_equal(aten_store_lmdb_walk(store, NULL, letters, ATEN_STORE_BATCH_MAX, &count, NOW), APR_SUCCESS);
    assert_int_equal(count, 100);
    close_store();
    unlink(in_dir(ATEN_STORE_FILE));
    open_store(BYTES);
    assert_int_equal(aten_store_lmdb_apply(store, letters, count, NULL, NULL, NOW), APR_SUCCESS);
    for (i = 0; i < 100; i++) assert_true(value_of(quick_key(1, (unsigned int)i), NOW) == (i % 3 ? 0 : 7));
    assert_int_equal(usage().records, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_posted_where_nobody_listens),
        TEST(what_is_written_is_posted_in_order),
        TEST(what_has_arrived_leaves),
        TEST(numbers_never_come_again),
        TEST(many_letters),
        TEST(what_nobody_could_be_told_in_time_leaves),
        TEST(sharing_is_remembered_and_ends),
        TEST(what_others_wrote_is_taken),
        TEST(odd_calls_are_refused),
        TEST(a_full_store_still_takes_what_others_wrote),
        TEST(an_outbox_that_nobody_empties_ends_with_room),
        TEST(notes_are_kept),
        TEST(a_walk_gives_each_record_once),
        TEST(what_is_walked_makes_another_store_the_same),
    };

    alarm(TIME_LIMIT);
    return cmocka_run_group_tests(tests, setup, teardown);
}
