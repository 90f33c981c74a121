# The command aten-session alone, without httpd: what it takes and refuses, whose the store is, and that the marks which
# it says it has set stand in the store. Each build of it.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::Process ();
use Digest::SHA ();
use JSON::PP ();
use POSIX ();
use Time::HiRes ();
use Time::Local ();

my $top    = Aten::Process::top();
my @builds = $ENV{ATEN_SESSION_COMMAND} ? '' : qw(build build-asan);
my $cas    = 'https://cas.mon-ent.fr/cas';
my $portal = 'https://portal.example/idp';
my $root   = $> == 0;

# httpd's children run as another user where root starts it. Somebody else is there only for root, who can be anybody.
my ($owner, $group) = $root ? (getpwnam 'www-data')[2, 3] : ($>, $) + 0);
my $stranger = 65534;

my @each = ([qw(end user zoe)], [qw(end everybody)], [qw(status)]);

my ($work, $command);
for my $build (@builds) {
    my $program = $build ? "$top/$build/aten-session" : $ENV{ATEN_SESSION_COMMAND};
    if (!-x $program) {
        fail "$program is not built: make" . ($build eq 'build-asan' ? ' SANITIZE=1' : '');
        next;
    }
    $work    = Aten::Process::temporary_directory('command');
    $command = "$work/aten-session";
    system('cp', $program, $command) == 0 && chmod 0755, $command or die "$program: $!";
    subtest $program => \&all_of_it;
}
done_testing;

sub all_of_it () {
    words();
    what_is_not_there();
    info();
    whose_it_is();
    what_root_does_not_touch() if $root;
    marks();
    status();
    many_backends();
    full();
    return;
}

# --- running it ---

# Returns exit status, standard output, standard error. Options: as => uid, wrapper => [...].
sub run ($words, %option) {
    state $count = 0;
    my ($out, $err) = map { "$work/$_-" . ++$count } qw(out err);
    my @as = defined $option{as} ? ('setpriv', "--reuid=$option{as}", "--regid=$option{as}", '--clear-groups') : ();
    # With the leak check the sanitizer wants to trace a process that has given up root's rights, and may not.
    my $process = Aten::Process->start(
        command => ['sh', '-c', 'exec 2>"$0"; exec "$@"', $err, @{ $option{wrapper} // [] }, @as, $command, @$words],
        output => $out, env => { ASAN_OPTIONS => 'detect_leaks=0' },
    );
    $process->wait_end(60) or $process->stop('KILL');
    return ($process->{status}, map { Aten::Process::slurp($_) } $out, $err) if $process->{status} & 127;
    return ($process->{status} >> 8, map { Aten::Process::slurp($_) } $out, $err);
}

# A state directory as httpd makes it. Options: info => text or undef for none, mode and owner of the store.
sub state_dir (%option) {
    state $count = 0;
    my $dir = "$work/state-" . ++$count;
    mkdir $dir, 0755 or die "$dir: $!";
    mkdir "$dir/store", 0700 or die "$dir/store: $!";
    chown $option{owner} // $owner, $option{owner} // $group, "$dir/store" or die "chown: $!" if $root;
    chmod $option{mode} // 0700, "$dir/store";
    my $info = exists $option{info} ? $option{info} : info_text();
    Aten::Process::spew("$dir/info.json", $info) if defined $info;
    chmod 0644, "$dir/info.json";
    return $dir;
}

sub info_text (%member) {
    my $backends = $member{backends} // [[cas => $cas], [aten => $portal]];
    return JSON::PP->new->canonical->encode({
        version => $member{version} // 1, lifetime => $member{lifetime} // 28800,
        shared => $member{shared} ? JSON::PP::true : JSON::PP::false,
        backends => [map { { backend => $_->[0], target => $_->[1] } } @$backends],
    });
}

sub fails ($words, $error, $name, %option) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($status, $out, $err) = run($words, %option);
    is $status, $option{status} // 1, "$name: exit status";
    like $err, $error, "$name: why";
    is $out, '', "$name: and nothing else";
    return;
}

# --- words ---

sub words () {
    my $dir = state_dir();
    my @rows = (
        [[],                                        qr/no command/,             'nothing'],
        [['begin'],                                 qr/end and status/,         'another command'],
        [['end'],                                   qr/'user NAME/,             'whom'],
        [['end', 'user'],                           qr/'user NAME/,             'no name'],
        [['end', 'users', 'zoe'],                   qr/'user NAME/,             'another word'],
        [['end', 'user', ''],                       qr/empty/,                  'an empty name'],
        [['end', 'user', "a\nb"],                   qr/control characters/,     'a line end in it'],
        [['end', 'user', "\xff"],                   qr/not UTF-8/,              'Latin-1'],
        [['end', 'user', 'x' x 4097],               qr/too long/,               'more than a cookie holds'],
        [['end', 'user', 'zoe', $cas, 'x'],         qr/'user NAME/,             'one word too many'],
        [['end', 'everybody', 'now'],               qr/'user NAME/,             'a word behind everybody'],
        [['end', '--json', 'everybody'],            qr/'user NAME/,             'an option of another command'],
        [['status', 'all'],                         qr/--json/,                 'a word behind status'],
        [['status', '--json', '--json'],            qr/--json/,                 'one twice'],
        [['--nothing', 'status'],                   qr/nothing/,                'no such option'],
        [['--state-dir'],                           qr/state-dir/,              'an option without its value'],
    );
    for my $row (@rows) {
        fails($row->[0], $row->[1], $row->[2], status => 2);
        fails(['--state-dir', $dir, @{ $row->[0] }], qr/usage:/, "$row->[2], with a store", status => 2);
    }
    fails(['--state-dir', '', 'status'], qr/empty/, 'an empty directory', status => 2);
    ok !-e "$dir/store/data.mdb", 'nothing was opened';

    for my $word ('--help', '--version') {
        my ($status, $out, $err) = run([$word, 'end', 'everybody']);
        is $status, 0, "$word: exit status";
        like $out, $word eq '--help' ? qr/^usage: .*--state-dir DIR.*end everybody/s
            : qr/^aten-session \d+\.\d+\.\d+\n$/, "$word: what it is for";
        is $err, '', "$word: no complaint";
    }
    return;
}

# --- what it needs ---

sub what_is_not_there () {
    for my $words (@each) {
        my $nothing_ended = $words->[0] eq 'end' ? qr/nothing was ended/ : qr/./;
        fails(['--state-dir', "$work/nowhere", @$words], qr/httpd makes it when it starts.*AtenStateDir/,
            "@$words: no state directory");
        my $dir = state_dir();
        rmdir "$dir/store";
        fails(['--state-dir', $dir, @$words], qr{'\Q$dir\E/store' cannot be looked at: No such file},
            "@$words: no store");
        symlink state_dir() . '/store', "$dir/store" or die "symlink: $!";
        fails(['--state-dir', $dir, @$words], qr/is a link/, "@$words: a link");
        unlink "$dir/store";
        Aten::Process::spew("$dir/store", 'x');
        fails(['--state-dir', $dir, @$words], $nothing_ended, "@$words: a file");

        $dir = state_dir();
        Aten::Process::spew("$dir/store/data.mdb", 'junk' x 4096);
        chown $owner, $group, "$dir/store/data.mdb" if $root;
        fails(['--state-dir', $dir, @$words], qr/damaged/, "@$words: a damaged store");
    }
    my $dir = state_dir();
    fails(['--state-dir', $dir, 'status'], qr/no store yet/, 'a store that nobody has opened');
    ok !-e "$dir/store/data.mdb", 'looking makes none';
    return;
}

sub info () {
    my @rows = (
        [undef,                                    qr/cannot be read: No such file.*httpd writes it/, 'no info.json'],
        ['',                                       qr/not JSON/,          'an empty one'],
        ['{',                                      qr/not JSON/,          'a part of one'],
        [info_text(version => 2),                  qr/not of version 1/,  'one of another version'],
        [info_text(lifetime => 0),                 qr/out of range/,      'one without a lifetime'],
        [info_text(backends => [[ldap => $cas]]),  qr/neither cas nor/,   'one with an unknown backend'],
        [info_text() . ' ' x (1 << 20),            qr/too large/,         'one that does not end'],
    );
    for my $row (@rows) {
        my $dir = state_dir(info => $row->[0]);
        for my $words ([qw(end user zoe)], [qw(end everybody)]) {
            fails(['--state-dir', $dir, @$words], qr/$row->[1].*nothing was ended/s, "@$words: $row->[2]");
        }
        ok !-e "$dir/store/data.mdb", "$row->[2]: nothing was written";
    }
    my $dir = state_dir(info => undef);
    mkdir "$dir/info.json";
    fails(['--state-dir', $dir, qw(end everybody)], qr/cannot be read/, 'a directory for info.json');
    rmdir "$dir/info.json";
    POSIX::mkfifo("$dir/info.json", 0644);
    fails(['--state-dir', $dir, qw(end everybody)], qr/not JSON/, 'a pipe that nobody writes into');

    $dir = state_dir();
    fails(['--state-dir', $dir, qw(end user zoe), "$cas/other"], qr/no backend '\Q$cas\E\/other'; nothing was ended/,
        'a backend that is not configured');
    fails(['--state-dir', $dir, qw(end user zoe), "$cas/other"], qr/^  \Q$cas\E\n  \Q$portal\E\n\z/m,
        '... and those that are');
    fails(['--state-dir', $dir, qw(end user zoe), ''], qr/no backend/, 'an empty one');
    fails(['--state-dir', $dir, qw(end user zoe), "\xff"], qr/no backend '\(not UTF-8/, 'one that is not UTF-8');
    fails(['--state-dir', state_dir(info => info_text(backends => [])), qw(end user zoe)], qr/has no backend/,
        'a configuration without one');
    return;
}

# --- whose it is ---

sub whose_it_is () {
    my $dir = state_dir();
    my ($status) = run(['--state-dir', $dir, qw(end everybody)]);
    is $status, 0, 'whoever may starts it';
    for my $file (qw(data.mdb lock.mdb)) {
        my @stat = stat "$dir/store/$file";
        is $stat[4], $owner, "$file belongs to the user of httpd's children";
        is $stat[2] & 07777, 0600, "$file is for that user alone";
    }
    return if !$root;

    ($status) = run(['--state-dir', $dir, qw(end everybody)], as => $owner);
    is $status, 0, 'as that user';
    fails(['--state-dir', $dir, @$_], qr/belongs to www-data: run this as root, or as www-data/,
        "@$_: as somebody else", as => $stranger) for @each;
    chmod 0700, $dir;
    fails(['--state-dir', $dir, 'status'], qr/Permission denied; run this as root/, 'somebody else, who sees nothing',
        as => $stranger);
    fails(['--state-dir', $dir, qw(end everybody)], qr/info.json' cannot be read: Permission denied/,
        'a directory that root has closed for its children');

    $dir = state_dir(owner => 4242);    # who has no name
    fails(['--state-dir', $dir, 'status'], qr/belongs to the user 4242: run this as root/, 'a user without a name',
        as => $stranger);
    ($status) = run(['--state-dir', $dir, qw(end everybody)]);
    is $status, 0, 'root becomes that one too';
    is +(stat "$dir/store/data.mdb")[4], 4242, '... for good';
    return;
}

# What stands in the store was prepared by somebody else: root does not even open it.
sub what_root_does_not_touch () {
    my $made = state_dir();
    run(['--state-dir', $made, qw(end everybody)]);
    my $file = "$made/store/data.mdb";
    my @rows = (
        [sub ($dir) { },                                          qr/has no store yet/,       'an empty one of root'],
        [sub ($dir) { system 'cp', '-p', $file, $dir },           qr/what is in it does not/, "a child's file in it"],
        [sub ($dir) { symlink $file, "$dir/data.mdb" },           qr/what is in it does not/, 'a link in it'],
        [sub ($dir) { system 'cp', $file, $dir; chmod 0770, $dir }, qr/others may write/,     'one for a group'],
        [sub ($dir) { system 'cp', $file, $dir; chmod 0707, $dir }, qr/others may write/,     'one for all'],
    );
    for my $row (@rows) {
        my $dir = state_dir(owner => 0);
        $row->[0]->("$dir/store");
        fails(['--state-dir', $dir, @$_], $row->[1], "$row->[2]: @$_") for @each;
        ok !-e "$dir/store/lock.mdb", "$row->[2]: not opened";
    }
    my $dir = state_dir(owner => 0);
    system 'cp', $file, "$dir/store";
    my ($status, $out, $err) = run(['--state-dir', $dir, qw(end everybody)]);
    is $status, 0, "a store that is root's throughout";
    like $err, qr/belongs to root: it is opened as root/, 'which it says';
    return;
}

# --- what it does ---

# The first 16 bytes of SHA-256 over the parts, each with its length before it.
sub key (@parts) { return substr Digest::SHA::sha256(map { pack('Q>', length) . $_ } @parts), 0, 16 }

# A record as it stands in the file: until and value.
sub stands ($dir, $key, $value, $lifetime = 28800) {
    my $record = $key . pack 'q<q<', $value + ($lifetime + 86400) * 1_000_000, $value;
    return index(Aten::Process::slurp("$dir/store/data.mdb"), $record) >= 0;
}

# The instant that it names, in microseconds.
sub instant ($out) {
    my ($y, $mo, $d, $h, $mi, $s, $us)
        = $out =~ /before (\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})Z/ or return 0;
    return Time::Local::timegm($s, $mi, $h, $d, $mo - 1, $y) * 1_000_000 + $us;
}

sub ends ($dir, $words, $text, $keys, $name, %option) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = int(Time::HiRes::time() * 1e6) - 1;
    my ($status, $out, $err) = run(['--state-dir', $dir, @$words]);
    my $after  = int(Time::HiRes::time() * 1e6) + 1;
    is $status, 0, "$name: exit status";
    is $err, '', "$name: no complaint";
    like $out, $text, "$name: what it did";
    my $when = instant($out);
    ok $before <= $when && $when <= $after, "$name: until now";
    ok stands($dir, $_, $when, @{ $option{lifetime} // [] }), "$name: the mark stands" for @$keys;
    my $shown = grep { index($out, unpack 'H*', $_) >= 0 } @$keys;
    is $shown, 0, "$name: no key is shown";
    return $when;
}

sub marks () {
    my $dir = state_dir();
    my @zoe = (key('subject', 'cas', $cas, 'zoe'), key('subject', 'aten', $portal, 'zoe'));

    my $when = ends($dir, [qw(end user zoe)],
        qr/\AAll\ sessions\ of\ zoe\ that\ began\ before\ \S+Z\ are\ ended,\ at\ 2\ backends:
            \n\ \ \Q$cas\E\n\ \ \Q$portal\E\nWhether\ there\ were\ any,\ nobody\ can\ know/x,
        \@zoe, 'at every backend');
    is records($dir), 2, 'and nothing else';
    my $later = ends($dir, [qw(end user zoe)], qr/at 2 backends/, \@zoe, 'again');
    cmp_ok $later, '>', $when, 'the later mark stands';
    is records($dir), 2, 'over the earlier one';

    ends($dir, ['end', 'user', "No\xc3\xa9mie", $cas], qr/of No\xc3\xa9mie .* at 1 backend:\n  \Q$cas\E\n/s,
        [key('subject', 'cas', $cas, "No\xc3\xa9mie")], 'at one backend, a name that is not ASCII');
    ends($dir, ['end', 'user', '-v', "$cas/"], qr/of -v .* at 1 backend:\n  \Q$cas\E\n/s,
        [key('subject', 'cas', $cas, '-v')], 'a name like an option, the address with a slash');
    ends($dir, ['end', 'user', 'parent:A:B:1@0790031E', $portal], qr/at 1 backend:\n  \Q$portal\E\n/s,
        [key('subject', 'aten', $portal, 'parent:A:B:1@0790031E')], 'at the portal');
    is records($dir), 5, 'one record each';

    ends($dir, [qw(end everybody)],
        qr/\AAll sessions of everybody that began before \S+Z are ended, at every backend\.\n/,
        [key('everybody', '')], 'everybody');
    is records($dir), 6, 'is one record';

    my $long = state_dir(info => info_text(lifetime => 2592000, shared => 1));
    ends($long, [qw(end everybody)], qr/other servers hear of it from httpd on this one/, [key('everybody', '')],
        'remembered for as long as sessions last', lifetime => [2592000]);
    return;
}

sub records ($dir) {
    my ($status, $out) = run(['--state-dir', $dir, qw(status --json)]);
    return eval { JSON::PP::decode_json($out)->{records} } // "status: $status";
}

sub status () {
    my $dir = state_dir();
    run(['--state-dir', $dir, qw(end everybody)]);
    my ($status, $out, $err) = run(['--state-dir', $dir, qw(status --json)]);
    is $status, 0, 'status --json: exit status';
    is $err, '', 'status --json: no complaint';
    my $json = eval { JSON::PP::decode_json($out) } // {};
    is_deeply [sort keys %$json],
        [sort qw(store bytes_used bytes_max records waiting readers readers_max shared caught_up)], 'its members';
    is $json->{store}, "$dir/store", 'which store';
    is $json->{bytes_max}, 1 << 30, 'how large it may get';
    cmp_ok $json->{bytes_used}, '>', 4096, 'how large it is';
    cmp_ok $json->{readers_max}, '>=', 100, 'reader slots';
    is_deeply [map { $json->{$_} + 0 } qw(records waiting shared caught_up)], [1, 0, 0, 0], 'nothing for other servers';

    ($status, $out, $err) = run(['--state-dir', $dir, 'status']);
    is $status, 0, 'status: exit status';
    my @lines = (
        "store          \Q$dir\E/store", 'used           0\.\d MiB of 1024\.0 MiB \(0 %\)', 'records        1 \(.*\)',
        'reader slots   \d+ of \d+ in use', 'other servers  none',
    );
    like $out, qr/\A@{[ join '', map { "$_\n" } @lines ]}\z/, 'status: as people read it';
    is "$err", '', 'status: no complaint';
    return;
}

# More than go into one write.
sub many_backends () {
    my @backends = map { [aten => "https://portal-$_.example/idp"] } 1 .. 19;
    my $dir      = state_dir(info => info_text(backends => \@backends));
    ends($dir, [qw(end user zoe)], qr/at 19 backends:\n(?:  \S+\n){19}Whether/,
        [map { key('subject', 'aten', $_->[1], 'zoe') } @backends], 'many backends');
    is records($dir), 19, 'one record each';
    return;
}

# A disk on which nothing more can be written: the limit of a file's size, with the signal for it ignored.
sub full () {
    my $dir     = state_dir();
    my @wrapper = ('sh', '-c', q{trap '' XFSZ; ulimit -f 16; exec "$@"}, 'sh');
    run(['--state-dir', $dir, qw(end user zoe)]);
    my $before = Aten::Process::slurp("$dir/store/data.mdb");
    fails(['--state-dir', $dir, @$_], qr/the store (?:failed|is full).*; nothing was ended/, "full: @$_",
        wrapper => \@wrapper) for [qw(end user max)], [qw(end everybody)];
    is records($dir), 2, 'full: what was there is there';
    my ($status) = run(['--state-dir', $dir, 'status'], wrapper => \@wrapper);
    is $status, 0, 'full: status says so still';

    fails(['--state-dir', $_, qw(end everybody)], qr/nothing was ended/, 'full: a new store', wrapper => \@wrapper)
        for state_dir();
    return;
}
