<?php

/*
 * What Aten::IdP wrote for this run: the entities and their options, the accounts, the services that are trusted. Read
 * again by each request, so that a change acts at once.
 */

function aten_top(): string
{
    return __DIR__;
}

function aten_state(): array
{
    static $state = null;
    if ($state === null) {
        $state = json_decode(file_get_contents(aten_top() . '/state.json'), true, 64, JSON_THROW_ON_ERROR);
    }
    return $state;
}
