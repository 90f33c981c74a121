package Forged;

# Meets every case of t/forge: a login begins, the forged portal answers, and what has to be true is looked at.

use v5.36;
use Aten::Forge ();
use Aten::Server ();
use Aten::Test;

our ($forge, $server, @children);

# Run all cases of these groups against one server.
sub meet_all ($name, @groups) {
    need_module();
    $forge  = Aten::Forge->new;
    $server = Aten::Server->new(config => $forge->config, name => $name);
    browser()->get($server->url('/'));
    @children = $server->children;
    my @cases = $forge->cases(@groups);
    my %count = map { my $group = $_; $group => scalar grep { $_->{group} eq $group } @cases } @groups;
    ok($count{$_}, "$count{$_} cases of $_") for @groups;
    for my $case (@cases) {
        next if $ENV{ATEN_FORGE_ONLY} && $case->{name} !~ /$ENV{ATEN_FORGE_ONLY}/;
        subtest "$case->{name}: $case->{why}" => sub { meet($case) };
    }
    $server->clean_log_ok($forge->start_lines, qr/\[auth_aten:\w+\].*\] AT\d{4}: .*\(reference [0-9a-f]{10}\)/,
        qr/login by portal/);
    done_testing();
    return;
}

sub meet ($case) {
    my $browser = browser();
    my $to      = ($case->{to} // '/ent') . '/' . $case->{name};
    my $request = $forge->begin($server, $browser, to => $to, profile => $case->{profile});
    my $answer  = $forge->make($case, $server, $request);
    my $mark    = $server->log->mark;
    my $page    = $forge->post($server, $browser, $answer);
    my $became  = reached($page) ? 'in' : $forge->request_of($page) ? 'again' : 'refused';
    my $text    = log_since($mark);
    if (!$case->{expect}{$became}) {
        my @wanted = grep { $case->{expect}{$_} } qw(in refused again);
        fail('expected is ' . join ' or ', map { expected_text($case, $_) } @wanted);
        diag("it became $became: " . $page->status . ' ' . substr($page->text, 0, 300) . "\n$text");
    }
    else {
        my %check = (in => \&check_in, again => \&check_again, refused => \&check_refused);
        $check{$became}->($case, $browser, $request, $text);
    }
    check_always($case, $answer, $page, $became, $text);
    return;
}

# What the error log got since; it grows too much to be read from its beginning each time.
sub log_since ($mark) {
    open my $in, '<:raw', $server->root . '/logs/error.log' or die "error.log: $!";
    seek $in, $mark, 0;
    local $/;
    return <$in> // '';
}

sub expected_text ($case, $what) {
    my $expect = $case->{expect}{$what};
    return $what eq 'in' ? "in as $expect->{user}" : "$what @$expect";
}

# --- what may become of it ---

sub check_in ($case, $browser, $request, $text) {
    my $want = $case->{expect}{in};
    my $env  = env_of($browser);
    is($env->{REMOTE_USER}, $want->{user}, "in as $want->{user}") or diag($text);
    is($env->{AUTH_TYPE}, 'aten', 'by aten');
    is($env->{$_}, $want->{env}{$_}, "$_") for sort keys %{ $want->{env} };
    ok(!exists $env->{$_}, "no $_") for @{ $want->{without} };
    like($browser->url, qr/\Q$case->{name}\E$/, 'where the person wanted to go') if $request->{id} && !unasked($case);
    is($browser->fetch($server->url('/aten/session'))->json->{user}, $want->{user}, 'the session says the same');
    unlike($text, qr/AT0[1-9]\d\d: (?!accepted)/, 'no reason to refuse in the log');
    return;
}

# Who begins at the portal gets to the profile's home.
sub unasked ($case) { return $case->{name} =~ /unsolicited/ }

sub check_again ($case, $browser, $request, $text) {
    my $fresh = $forge->request_of($browser->page);
    is($browser->page->status, 303, 'sent to the portal again');
    isnt($fresh->{id}, $request->{id}, 'by a fresh request');
    my @tags = @{ $case->{expect}{again} };
    my ($tag) = grep { $text =~ /\b$_\b/ } @tags;
    ok($tag, "the log says @tags") or diag($text) if @tags;
    check_nobody($browser, $case);
    return;
}

sub check_refused ($case, $browser, $request, $text) {
    my $page  = $browser->page;
    my @tags  = @{ $case->{expect}{refused} };
    my @lines = grep { /\(reference / } split /\n/, $text;
    is(scalar @lines, 1, 'one line in the log') or diag($text);
    my ($tag, $reference) = ($lines[0] // '') =~ /\] (AT\d{4}): .*\(reference ([0-9a-f]{10})\)/;
    ok(defined $tag && grep({ $tag eq $_ } @tags), "the log says @tags") or diag($text);
    cmp_ok($page->status, '>=', 400, 'an error page: ' . $page->status);
    my $status = $case->{expect}{status};
    is($page->status, $status, "status $status") if $status;
    like($page->text, qr/\b$reference\b/, 'with the reference of the log')
        if defined $reference && $case->{name} !~ /head$/;
    check_nobody($browser, $case);
    return;
}

sub check_nobody ($browser, $case) {
    is($browser->jar->find('aten'), undef, 'no session cookie');
    ok(!$browser->fetch($server->url('/aten/session'))->json->{authenticated}, 'nobody is logged in');
    my $page = $browser->tab->get($server->url(($case->{to} // '/ent') . '/'), follow => 0);
    ok(!reached($page), 'the page is not served');
    return;
}

# --- what is always true ---

sub check_always ($case, $answer, $page, $became, $text) {
    is_deeply([$server->children], \@children, 'the same processes are alive')
        or @children = $server->children;
    is($forge->contacted, 0, 'nothing was fetched');
    my $said = join "\n", map { s/^(?:\[[^\]]*\] )+//r } grep { !/login by portal/ } split /\n/, $text;
    my @found = grep { index($said, $_) >= 0 } @{ $answer->{secrets} };
    is_deeply(\@found, [], 'nothing of the message in the log') or diag($text);
    @found = $became eq 'in' ? () : grep { index($page->body, $_) >= 0 } @{ $answer->{secrets} };
    is_deeply(\@found, [], 'nor on the page');
    is_deeply([grep { /injected/i } map { keys %{ $_->{answer}{headers} } } $page, map { $_->{page} } $page->redirects],
        [], 'no header of the sender');
    return;
}

1;
