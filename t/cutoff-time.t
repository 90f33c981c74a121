# The dates act by themselves: a running server is taken across them by libfaketime, with its clock held at the second
# that matters. Offsets, both changes of clock in Paris, a server in UTC, and the guide's three phases from one
# configuration.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;

need_module();

my $cas = Aten::CAS->new;

sub location ($path, @lines) {
    return join "\n    ", qq(<Location "/$path">), 'AuthType aten', 'Require valid-user', @lines, "\n</Location>\n";
}

# A server with these places; held at a second from the start. Sessions last, so that only dates end anything.
sub serve ($at, $places, %option) {
    my $more   = delete $option{server} // '';
    my $config = join '', <<~"END", map { location($_->[0], @{ $_->[1] }) } @$places;
        AtenCASServer \@CAS\@
        AtenBaseURL \@BASE\@
        AtenSessionLifetime 604800
        AtenSessionIdle 604800
        $more
        ScriptAliasMatch ^/(?!aten) \@CGI\@/env
        END
    utf8::encode($config);   # a file has bytes
    my $server = Aten::Server->new(cas => $cas, at => $at, %option, config => $config);
    return $server->hold_time($at);
}

# in, out (refused because of the date), or what else came.
sub seen ($page) {
    return 'in'  if reached($page);
    return 'out' if $page->status == 403 && $page->h1 =~ /^Cet identifiant n’ouvre plus cette page/;
    return 'asked' if ($page->h1 // '') eq 'Indiquez votre profil';
    return $page->status . ' ' . ($page->h1 // '');
}

sub days ($page) { return identity_of($page)->{ATEN_CAS_DAYS_LEFT} }

subtest 'across the date, with live sessions' => sub {
    my $server = serve('2017-02-28 23:59:59', [['ent', ['AtenCASCutoff 2017-03-01 pupils parents']],
        ['all', ['AtenCASCutoff 2017-03-01 everyone']], ['other', []]]);
    my %browsers = map { $_ => login($server, $_, to => '/ent') } qw(eleve parent prof prof-parent sans-profil);
    for my $who (sort keys %browsers) {
        is(seen($browsers{$who}->get($server->url("/$_"))), 'in', "$who, one second before: /$_") for qw(ent all other);
        is(days($browsers{$who}->get($server->url('/all'))), 1, '... the eve is one day');
    }
    my %at = (ent => [qw(out out in in), '403 Votre profil n’a pas été transmis'], all => [('out') x 5], other => [('in') x 5]);
    # A second later, and a second after that: nothing was restarted, nobody logged in again.
    for my $time ('2017-03-01 00:00:00', '2017-03-01 00:00:01') {
        $server->hold_time($time);
        for my $path (sort keys %at) {
            my @seen = map { seen($browsers{$_}->get($server->url("/$path"))) } qw(eleve parent prof prof-parent sans-profil);
            is_deeply(\@seen, $at{$path}, "$time, /$path") or diag explain \@seen;
        }
    }
    my $teacher = identity_of($browsers{'prof-parent'}->get($server->url('/ent')));
    is($teacher->{ATEN_ROLES}, 'personnel', 'the role that was closed is gone from the live session');
    # A clock that is set back opens again: the date alone decides.
    $server->hold_time('2017-02-28 23:59:59');
    is(seen($browsers{parent}->get($server->url('/ent'))), 'in', 'the clock set back: in');
    $server->clean_log_ok(qr/AT0401: the CAS server's answer puts user sans-profil into no population/);
};

subtest 'a login begun before and finished after' => sub {
    my $server = serve('2017-02-28 23:59:59', [['ent', ['AtenCASCutoff 2017-03-01 pupils parents']],
        ['all', ['AtenCASCutoff 2017-03-01 everyone']], ['other', []]]);
    my %begun;
    for my $case (map { my $w = $_; map { [$w, $_] } qw(ent all other) } qw(parent prof)) {
        my ($who, $path) = @$case;
        my $browser = login_page($server, to => "/$path");
        $browser->submit({ username => $who, password => $cas->password($who) }, until => sub ($to) { $to =~ /ticket=/ });
        $begun{"$who $path"} = $browser;
    }
    my $typing = login_page($server, to => '/ent');   # still at the form on the other side
    $server->hold_time('2017-03-01 00:00:00');
    my %end = ('parent ent' => 'out', 'parent all' => 'out', 'parent other' => 'in', 'prof ent' => 'in', 'prof all' => 'out',
        'prof other' => 'in');
    for my $case (sort keys %begun) {
        my $browser = $begun{$case};
        my $page    = $browser->get($browser->page->location);
        is(seen($page), $end{$case}, $case);
        is(defined $browser->jar->find('aten') ? 1 : 0, $end{$case} eq 'in' ? 1 : 0, '... session');
    }
    $typing->submit({ username => 'parent', password => $cas->password('parent') });
    is(seen($typing->page), 'out', 'who typed the password over midnight');
    $server->clean_log_ok;
};

subtest 'offsets' => sub {
    my %same = (
        'none'    => '2017-03-01', 'hour' => '2017-03-01T00:00', 'plus' => '2017-03-01T00:00:00+01:00',
        'zulu'    => '2017-02-28T23:00:00Z', 'short' => '2017-02-28T23:00Z', 'minus' => '2017-02-28T18:30:00-04:30',
    );
    my $hour_before = '2017-03-01T00:00+02:00';
    my $server = serve('2017-02-28 22:59:59', [map({ [$_, ["AtenCASCutoff $same{$_} parents"]] } sort keys %same),
        ['before', ["AtenCASCutoff $hour_before parents"]], ['after', ['AtenCASCutoff 2017-03-01T00:00Z parents']]]);
    my $browser = login($server, 'parent', to => '/none');
    my @seen    = ([qw(in in in)], [qw(out in in)], [qw(out in in)], [qw(out out in)], [qw(out out in)], [qw(out out out)]);
    for my $time ('2017-02-28 22:59:59', '2017-02-28 23:00:00', '2017-02-28 23:59:59', '2017-03-01 00:00:00',
        '2017-03-01 00:59:59', '2017-03-01 01:00:00') {
        my ($before, $at, $after) = @{ shift @seen };
        $server->hold_time($time);
        is(seen($browser->get($server->url('/before'))), $before, "$time, +02:00");
        is(seen($browser->get($server->url("/$_"))), $at, "$time, $same{$_}") for sort keys %same;
        is(seen($browser->get($server->url('/after'))), $after, "$time, Z");
    }
    my $text = $server->log->text;
    my $count = () = $text =~ /AtenCASCutoff \(\S+\): from 2017-03-01T00:00:00\+01:00 for parents/g;
    is($count, scalar keys %same, 'all of them are one instant in the start log');
    like($text, qr/from 2017-02-28T23:00:00\+01:00 for parents/, '... the earlier one too');
    like($browser->get($server->url('/zulu'))->text, qr/Depuis le 1er mars 2017, /, 'a person reads local time');
    $server->clean_log_ok;
};

subtest 'clocks go forward' => sub {
    my $server = serve('2017-03-24 23:59:59', [['on', ['AtenCASCutoff 2017-03-26 parents']],
        ['at', ['AtenCASCutoff 2017-03-26T03:00 parents']], ['next', ['AtenCASCutoff 2017-03-27 parents']]]);
    my $browser = login($server, 'parent', to => '/next');
    for my $row (
        ['2017-03-24T23:59:59+01:00', [qw(in in in)],    [2, 2, 3],         'two days before the change'],
        ['2017-03-25T00:00:00+01:00', [qw(in in in)],    [1, 1, 2],         'the eve, from its first second'],
        ['2017-03-25T23:59:59+01:00', [qw(in in in)],    [1, 1, 2],         '... to its last'],
        ['2017-03-26T00:00:00+01:00', [qw(out in in)],   [undef, 0, 1],     'a bare day begins at 00:00'],
        ['2017-03-26T01:59:59+01:00', [qw(out in in)],   [undef, 0, 1],     'the last second of winter'],
        ['2017-03-26T03:00:00+02:00', [qw(out out in)],  [undef, undef, 1], 'the first of summer is three o\'clock'],
        ['2017-03-26T23:59:59+02:00', [qw(out out in)],  [undef, undef, 1], 'a day of 23 hours is one day'],
        ['2017-03-27T00:00:00+02:00', [qw(out out out)], [(undef) x 3],     'midnight by the new clock'],
    ) {
        my ($time, $seen, $days, $why) = @$row;
        $server->hold_time($time);
        my @pages = map { $browser->get($server->url("/$_")) } qw(on at next);
        is_deeply([map { seen($_) } @pages], $seen, "$time: $why");
        is_deeply([map { days($_) } @pages], $days, '... days left') or diag explain [map { days($_) } @pages];
    }
    my $text = $server->log->text;
    like($text, qr/from 2017-03-26T00:00:00\+01:00 for parents.*from 2017-03-26T03:00:00\+02:00 for.*from 2017-03-27T00:00:00\+02:00/s,
        'the start log has both offsets');
    $server->clean_log_ok;
};

subtest 'clocks go back' => sub {
    my $server = serve('2017-10-27 23:59:59', [['on', ['AtenCASCutoff 2017-10-29 parents']],
        ['first', ['AtenCASCutoff 2017-10-29T02:30+02:00 parents']], ['second', ['AtenCASCutoff 2017-10-29T02:30+01:00 parents']],
        ['next', ['AtenCASCutoff 2017-10-30 parents']]]);
    my $browser = login($server, 'parent', to => '/next');
    for my $row (
        ['2017-10-27T23:59:59+02:00', [qw(in in in in)],     [2, 2, 2, 3],         'two days before the change'],
        ['2017-10-28T00:00:00+02:00', [qw(in in in in)],     [1, 1, 1, 2],         'the eve'],
        ['2017-10-28T23:59:59+02:00', [qw(in in in in)],     [1, 1, 1, 2],         '... to its last second'],
        ['2017-10-29T00:00:00+02:00', [qw(out in in in)],    [undef, 0, 0, 1],     'a bare day begins at 00:00'],
        ['2017-10-29T02:29:59+02:00', [qw(out in in in)],    [undef, 0, 0, 1],     'before half past two'],
        ['2017-10-29T02:30:00+02:00', [qw(out out in in)],   [undef, undef, 0, 1], 'half past two in summer'],
        ['2017-10-29T02:00:00+01:00', [qw(out out in in)],   [undef, undef, 0, 1], 'it does not open again when clocks go back'],
        ['2017-10-29T02:29:59+01:00', [qw(out out in in)],   [undef, undef, 0, 1], 'the same hour again'],
        ['2017-10-29T02:30:00+01:00', [qw(out out out in)],  [(undef) x 3, 1],     'half past two in winter'],
        ['2017-10-29T23:59:59+01:00', [qw(out out out in)],  [(undef) x 3, 1],     'a day of 25 hours is one day'],
        ['2017-10-30T00:00:00+01:00', [qw(out out out out)], [(undef) x 4],        'midnight by the new clock'],
    ) {
        my ($time, $seen, $days, $why) = @$row;
        $server->hold_time($time);
        my @pages = map { $browser->get($server->url("/$_")) } qw(on first second next);
        is_deeply([map { seen($_) } @pages], $seen, "$time: $why") or diag explain [map { seen($_) } @pages];
        is_deeply([map { days($_) } @pages], $days, '... days left') or diag explain [map { days($_) } @pages];
    }
    $server->clean_log_ok;
};

subtest 'configtest: local times that a change of clock skips or doubles' => sub {
    my $skips   = qr/is a local time that a change of clock skips: give its offset, like /;
    my $doubles = qr/is a local time that a change of clock doubles: give its offset, like /;
    my @cases = (
        ['2017-03-26T02:00',       $skips,   'Europe/Paris'],
        ['2017-03-26T02:59:59',    $skips,   'Europe/Paris'],
        ['2017-03-26T01:59',       undef,    'Europe/Paris'],
        ['2017-03-26T03:00',       undef,    'Europe/Paris'],
        ['2017-03-26T02:30+01:00', undef,    'Europe/Paris'],
        ['2017-03-26T02:30',       undef,    'UTC'],
        ['2017-10-29T02:00',       $doubles, 'Europe/Paris'],
        ['2017-10-29T02:59:59',    $doubles, 'Europe/Paris'],
        ['2017-10-29T01:59',       undef,    'Europe/Paris'],
        ['2017-10-29T03:00',       undef,    'Europe/Paris'],
        ['2017-10-29T02:30+02:00', undef,    'Europe/Paris'],
        ['2017-10-29T02:30Z',      undef,    'Europe/Paris'],
    );
    for my $case (@cases) {
        my ($date, $error, $tz) = @$case;
        my ($status, $text) = Aten::Server->configtest(tz => $tz, cas => $cas,
            config => ent_config(inside => "AtenCASCutoff $date parents"));
        if ($error) {
            isnt($status, 0, "$date, $tz");
            like($text, qr/AtenCASCutoff: '\Q$date\E' $error/, '... by its name, its value and what would be right');
        }
        else {
            is($status, 0, "$date, $tz") or diag $text;
        }
    }
    # One function reads every date; each directive that has one asks it.
    for my $directive (['AtenCASNotice 2017-03-26T02:30', ''], ['', <<~'END']) {
        <AtenProfile x>
            AtenBackend cas
            AtenBackendFrom 2017-03-26T02:30 closed
        </AtenProfile>
        END
        my ($status, $text) = Aten::Server->configtest(cas => $cas,
            config => ent_config(inside => $directive->[0], server => $directive->[1]));
        isnt($status, 0, 'refused');
        like($text, qr/(?:AtenCASNotice|AtenBackendFrom): '2017-03-26T02:30' $skips/, '... in another directive too');
    }
};

subtest 'a server in UTC is told so' => sub {
    my $told = qr/\[auth_aten:warn\] .*the date has no offset and this server's local time is UTC; if French time is meant/;
    my @lines = (
        ['none', ['AtenCASCutoff 2017-03-01 parents']],
        ['with', ['AtenCASCutoff 2017-03-01T00:00+01:00 parents', 'AtenCASNotice 2017-02-01T00:00Z']],
        ['note', ['AtenCASNotice 2017-02-01']],
    );
    my $profile = "<AtenProfile p>\nAtenLabel P\nAtenBackend cas\nAtenBackendFrom 2017-09-01 closed\n</AtenProfile>";
    my $server  = serve('2017-02-28T22:59:59Z', \@lines, tz => 'UTC', server => $profile);
    my $browser = login($server, 'parent', to => '/none', profile => 'P');
    is(scalar(grep { $_ =~ $told } $server->log->lines), 3, 'once for each date without an offset');
    for my $directive (qw(AtenCASCutoff AtenCASNotice)) {
        my ($where) = $server->log->text =~ /$directive \((\S+)\): the date has no offset/;
        like($where, qr{/conf/httpd\.conf:\d+}, "$directive, by file and line");
    }
    $server->log_like(qr/AtenBackendFrom \(p\): the date has no offset/, 'AtenBackendFrom, by its profile');
    is(seen($browser->get($server->url("/$_"))), 'in', "before: /$_") for qw(none with);
    $server->hold_time('2017-02-28T23:00:00Z');
    is(seen($browser->get($server->url('/none'))), 'in',  'midnight in Paris is not midnight here');
    is(seen($browser->get($server->url('/with'))), 'out', '... but for a date with its offset it is');
    $server->hold_time('2017-03-01T00:00:00Z');
    is(seen($browser->get($server->url('/none'))), 'out', 'midnight in UTC is');
    $server->clean_log_ok($told, qr/AtenCASNotice \(\S+\): from /, qr/AtenBackendFrom \(profile p\): from /);
    # London is at +00:00 in February, and is not UTC.
    my $london = serve('2017-02-01T00:00:00Z', [$lines[0]], tz => 'Europe/London');
    login($london, 'parent', to => '/none');
    $london->clean_log_ok;
};

# --- the guide's three phases ---

# The ATEN portal's place is taken by `closed` until there is a portal to log in at.
my $phases = <<~'END';
    <AtenProfile eleves-parents>
        AtenLabel fr "élèves ou parents > établissement Education Nationale"
        AtenBackend     cas
        AtenBackendFrom 2016-09-01 closed
    </AtenProfile>
    <AtenProfile autres-publics>
        AtenLabel fr "Autres publics"
        AtenBackend     cas
    </AtenProfile>
    END

subtest 'three phases from one configuration' => sub {
    my $server = serve('2016-06-01 12:00:00', [['ent', ['AtenCASCutoff 2017-03-01 pupils parents']]], server => $phases);
    my $log_in = sub ($who, $profile) {
        my $browser = browser();
        $browser->get($server->url('/ent'));
        return 'closed' if !$browser->page->link(qr/profile=$profile/);
        $browser->click(qr/profile=$profile/);
        $browser->submit({ username => $who, password => $cas->password($who) });
        return seen($browser->page) . ' as ' . (identity_of($browser)->{ATEN_PROFILE} // '-');
    };
    my @phases = (
        ['2016-06-01T12:00:00+02:00', 'before 2016',
            { parent => ['in as eleves-parents', 'in as autres-publics'], prof => ['in as eleves-parents', 'in as autres-publics'] }],
        ['2016-08-31T23:59:59+02:00', 'the last second of it',
            { parent => ['in as eleves-parents', 'in as autres-publics'], prof => ['in as eleves-parents', 'in as autres-publics'] }],
        ['2016-09-01T00:00:00+02:00', 'from the start of school',
            { parent => ['closed', 'in as autres-publics'], prof => ['closed', 'in as autres-publics'] }],
        ['2017-02-28T23:59:59+01:00', 'the last second of it',
            { parent => ['closed', 'in as autres-publics'], prof => ['closed', 'in as autres-publics'] }],
        ['2017-03-01T00:00:00+01:00', 'from the removal of CAS',
            { parent => ['closed', 'out as -'], prof => ['closed', 'in as autres-publics'] }],
    );
    for my $phase (@phases) {
        my ($time, $name, $expected) = @$phase;
        $server->hold_time($time);
        for my $who (qw(parent prof)) {
            my @seen = map { $log_in->($who, $_) } qw(eleves-parents autres-publics);
            is_deeply(\@seen, $expected->{$who}, "$time, $name: $who") or diag explain \@seen;
        }
    }
    my $chooser = browser()->get($server->url('/aten/login?to=/ent'))->text;
    like($chooser, qr/établissement Education Nationale Fermé\. /, 'the closed profile says so');
    like($chooser, qr/Autres publics Depuis le 1er mars 2017, ce choix n’est plus ouvert pour\s*: les élèves, les parents/,
        'the other one says who may still use it');
    my $page = browser()->get($server->url('/aten/login?to=/ent&profile=eleves-parents'));
    is($page->status, 403, 'a deep link to the closed profile');
    is($page->h1, 'Ce profil est fermé', '... says so');
    $server->log_like(qr/\[auth_aten:notice\].*AtenBackendFrom \(profile eleves-parents\): from 2016-09-01T00:00:00\+02:00 closed/,
        'the start log: AtenBackendFrom as an instant');
    $server->log_like(qr/\[auth_aten:notice\].*AtenCASCutoff \(\S+httpd\.conf:\d+\): from 2017-03-01T00:00:00\+01:00 for pupils parents$/m,
        '... and AtenCASCutoff');
    $server->clean_log_ok;
};

subtest 'a profile that closes between start and end of a login' => sub {
    my $server  = serve('2016-08-31 23:59:59', [['ent', []]], server => $phases);
    my $session = login($server, 'prof', to => '/ent', profile => qr/profile=eleves-parents/);
    is(identity_of($session)->{ATEN_PROFILE}, 'eleves-parents', 'a session, a second before');
    my %begun;
    for my $profile (qw(eleves-parents autres-publics)) {
        $begun{$profile} = login_page($server, to => '/ent', profile => qr/profile=$profile/);
        $begun{$profile}->submit({ username => 'parent', password => $cas->password('parent') }, until => sub ($to) { $to =~ /ticket=/ });
    }
    $server->hold_time('2016-09-01 00:00:00');
    my $asked = scalar $cas->validations;
    my $page  = $begun{'eleves-parents'}->get($begun{'eleves-parents'}->page->location);
    is($page->status, 403, 'the login ends refused');
    is($page->h1, 'Ce profil est fermé', '... and says why');
    ok($page->link('Choisir un profil'), '... and offers the others');
    is($begun{'eleves-parents'}->jar->find('aten'), undef, '... without a session');
    is(scalar $cas->validations, $asked, '... and the ticket went nowhere');
    $server->log_like(qr/AT0402: /, '... logged');
    is(seen($begun{'autres-publics'}->get($begun{'autres-publics'}->page->location)), 'in', 'the other profile goes on');
    is(seen($session->get($server->url('/ent'))), 'in', 'and so does a session made by it: only logins are judged by profiles');
    $server->clean_log_ok(qr/AtenBackendFrom \(profile eleves-parents\): from /);
};

subtest 'a profile that goes from one CAS server to another' => sub {
    my $second  = Aten::CAS->new;
    my $server  = serve('2016-08-31 23:59:59', [['ent', []]], vars => { SECOND => $second->url }, server => <<~'END');
        <AtenProfile tous>
            AtenLabel Tous
            AtenBackend     cas
            AtenBackendFrom 2016-09-01T00:00:00+02:00 cas @SECOND@
        </AtenProfile>
        END
    my $browser = browser();
    $browser->get($server->url('/ent'));
    like($browser->url, qr{^\Q@{[ $cas->url ]}\E/login}, 'before: the first');
    $browser->submit({ username => 'prof', password => 'demo' }, until => sub ($to) { $to =~ /ticket=/ });
    my $live = login($server, 'prof', to => '/ent', profile => 'Tous');
    $server->hold_time('2016-09-01 00:00:00');
    is(seen($live->get($server->url('/ent'))), 'in', 'a session of the first goes on');
    $browser->get($browser->page->location);
    like($browser->url, qr{^\Q@{[ $second->url ]}\E/login}, 'a login begun at the first begins anew at the second');
    $browser->submit({ username => 'prof', password => 'demo' });
    is(seen($browser->page), 'in', '... and ends there');
    is(scalar $second->validations, 1, '... by its ticket');
    $server->clean_log_ok(qr/AtenBackendFrom \(profile tous\): from 2016-09-01T00:00:00\+02:00 cas/);
};

done_testing;
