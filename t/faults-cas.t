# Every misbehaviour of t/faults/scenarios.py, met by somebody who logs in.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Test;
use Faults;
use Time::HiRes qw(time);

need_module;

# The status that a page has by the tag in the log; everything else is 502.
my %status = (
    AT0103 => 400, AT0104 => 400, AT0150 => 400, AT0134 => 500, AT0202 => 504, AT0206 => 403,
);

# What each scenario ends in: the tag in the log (several: any of them will do), or a hash for somebody who gets in
# (user) or lands on the chooser.
my $fautes = { user => 'fautes' };
my %expected = (
    'good'   => $fautes,
    'stale'  => $fautes,
    'no-p3'  => 'AT0203',
    'hold'   => 'AT0202',
    'sets-cookie' => $fautes,

    'ticket-none'     => { chooser => 1 },
    'ticket-long-256' => { user => $Faults::VICTIM },   # a good ticket, and the server says yes to all
    'ticket-empty'    => 'AT0150',
    (map { ("ticket-$_" => 'AT0150') } qw(ampersand newline crlf dots percent blank utf8 fragment markup
        long-257 long-7000)),
    (map { ("ticket-$_" => 'AT0104') } qw(nul bad-escape)),
    (map { ("ticket-$_" => 'AT0103') } qw(twice twice-same state-twice)),

    (map { ($_ => 'AT0200') } qw(reset reset-in-body close short length-negative chunk-garbage chunk-huge
        chunk-unfinished http09 garbage)),
    (map { ($_ => 'AT0202') } qw(slow drip drip-header drip-header-lines endless-continue)),
    (map { ($_ => 'AT0204') } qw(endless endless-chunked large large-comment)),
    (map { ($_ => 'AT0200 AT0204') } qw(endless-header long-header length-huge)),
    'empty'        => 'AT0110 AT0205',
    'long'         => 'AT0110',
    'gzip'         => 'AT0110',
    'gzip-bomb'    => 'AT0110',
    'redirect-200' => 'AT0110 AT0205',
    'html'         => 'AT0111 AT0205',
    'alt-svc'      => 'AT0207',
    (map { ($_ => 'AT0203') } 'no-content', map({ "status-$_" } qw(400 401 403 404 410 429 500 502 503 206 999)),
        map { "redirect-$_" } qw(301 302 303 307 308 self file)),

    (map { ("xml-$_" => 'AT0110') } qw(invalid truncated truncated-user junk-behind junk-before two-roots nul bad-utf8
        overlong surrogate unknown-encoding)),
    'xml-utf16'            => { user => 'fautes', or => 'AT0110' },
    'xml-latin1'           => { user => 'hélène', or => 'AT0110' },
    'xml-bom'              => $fautes,
    # Declared and decoded: no trick is left.
    'xml-utf7'             => { user => $Faults::VICTIM, or => 'AT0110 AT0208' },
    'xml-utf16-undeclared' => 'AT0110 AT0205',
    'xml-deep'             => 'AT0112',
    'xml-deep-success'     => 'AT0112',
    'xml-wide'             => 'AT0205',
    'xml-many-attributes'  => 'AT0113',
    'xml-long-name'        => 'AT0110 AT0205',
    (map { ($_ => 'AT0111') } qw(entity-bomb entity-quadratic entity-internal entity-file entity-http entity-parameter
        doctype-external doctype-plain doctype-internal)),
    'entity-undeclared' => 'AT0110',
    'xinclude'          => 'AT0208',
    'stylesheet'        => 'AT0206',

    (map { ("ns-$_" => 'AT0205') } qw(wrong none case switched)),
    'ns-undeclared' => 'AT0110 AT0205',
    'ns-user'       => 'AT0208 AT0205',
    'ns-default'    => $fautes,
    'ns-prefix'     => $fautes,
    (map { ($_ => 'AT0205') } qw(root-wrong root-missing root-bare root-text success-in-comment-only success-in-cdata
        success-in-pi success-in-attribute success-nested success-in-proxy two-successes two-same-successes
        success-then-failure failure-then-success success-and-foreign name-case)),
    'success-and-text'         => { user => $Faults::VICTIM, or => 'AT0205' },   # text says nothing beside elements
    'success-in-failure'       => 'AT0205 AT0206',
    'success-in-success'       => 'AT0205 AT0208',
    'success-in-comment'       => 'AT0206',
    'success-in-failure-cdata' => 'AT0206',
    'success-escaped'          => 'AT0206',

    'failure-invalid-ticket' => 'AT0206',
    'failure-echo'           => 'AT0206',
    (map { ("failure-$_" => 'AT0207') } qw(invalid-service invalid-request internal-error unauthorized-service echo-code
        markup newline long)),
    (map { ("failure-$_" => 'AT0207 AT0205') } qw(no-code empty)),

    (map { ("user-$_" => 'AT0208') } qw(empty blank comment-only pi-only newline-reference cr-reference tab-reference
        newline-raw delete c1 long-257 long-10k markup markup-inside missing in-attributes)),
    (map { ("user-$_" => 'AT0208 AT0205') } qw(two two-same nested as-attribute in-root)),
    (map { ("user-$_" => 'AT0110') } qw(control-raw control-reference)),
    (map { ("user-$_" => { user => 'administrateur', or => 'AT0208' }) } qw(comment-split pi-split)),
    (map { ("user-$_" => { user => 'administrateur' }) } qw(cdata-split cdata charref-split)),
    'user-entity-split'   => { user => 'fautes&co' },
    'user-padded'         => $fautes,
    'user-nbsp'           => { user => "\x{a0}", or => 'AT0208' },   # not admin, whatever it is
    'user-long-256'       => { user => 'u' x 256 },
    'user-markup-escaped' => { user => '<script>alert(1)</script>' },
    'user-quotes'         => { user => q{"'%s%n'"} },
    'success-text'        => 'AT0208 AT0205',

    'attr-empty'         => $fautes,
    'attr-clash'         => { user => 'fautes', without => ['ATEN_ATTR_a_b'] },
    'attr-clash-letters' => { user => 'fautes', without => ['ATEN_ATTR__', 'ATEN_ATTR___'] },
    (map { ("attr-$_" => { user => 'fautes', or => 'AT0209' }) } qw(2000 100k 100k-one 2000-values long-name)),
    'attr-100k-needed'       => 'AT0134 AT0209',
    'attr-control-reference' => 'AT0110',
    'attr-newline'           => { user => 'fautes', with => { ATEN_ATTR_a => 'x X-Injected: 1' }, or => 'AT0209' },
    'attr-markup-escaped'    => { user => 'fautes', with => { ATEN_NOM => '<script>alert(1)</script>' } },
    'attr-markup'            => { user => 'fautes', without => [qw(ATEN_NOM ATEN_ATTR_sn)], or => 'AT0209' },
    'attr-separator'         => { user => 'fautes', with => { ATEN_ATTR_a => 'x\\;y;z\\\\;' } },
    'attr-reserved'          => {
        user    => 'fautes',
        with    => {
            map { ("ATEN_ATTR_$_" => $Faults::VICTIM) } qw(REMOTE_USER AUTH_TYPE HTTP_PROXY LD_PRELOAD ATEN_ROLE user)
        },
        without => [qw(HTTP_PROXY LD_PRELOAD ATEN_ROLE)],
    },
    (map { ("attr-$_" => { user => 'fautes', without => ['ATEN_ROLE'], or => 'AT0209 AT0205' }) }
        qw(population-comment population-cdata population-nested population-case foreign outside-success name-value)),
    'attr-population-comment-staff' => { user => 'fautes', with => { ATEN_ROLE => 'personnel' } },
    'attr-two-blocks' => { user => 'fautes', without_value => { ATEN_ROLE => 'personnel' }, or => 'AT0209 AT0205' },
    'attr-beside'     => { user => 'fautes', or => 'AT0205 AT0209' },

    'v1-yes'        => $fautes,
    'v1-crlf'       => { user => 'fautes', or => 'AT0205' },
    'v1-html'       => { user => '<html><body>admin</body></html>', or => 'AT0205 AT0208' },   # whole, never 'admin'
    'v1-unfinished' => { user => 'fautes', or => 'AT0205' },
    (map { ("v1-$_" => 'AT0208 AT0205') } qw(no-user bare blank-user two-users nul control long cr-only)),
    (map { ("v1-$_" => 'AT0206') } qw(no)),
    (map { ("v1-$_" => 'AT0206 AT0205') } qw(no-with-user no-then-yes)),
    (map { ("v1-$_" => 'AT0205') } qw(html-only capitals prefix space bom one-line empty xml)),

    'saml-yes'          => $fautes,
    'saml-comment-split' => { user => 'administrateur', or => 'AT0208' },
    (map { ("saml-$_" => 'AT0205') } qw(no-assertion two-assertions no-status two-statuses wrong-version other-namespace
        two-responses empty-body no-envelope in-header other-request no-authentication)),
    'saml-nested-assertion' => 'AT0205 AT0208',
    'saml-two-subjects'    => 'AT0205 AT0208',
    'saml-empty-user'      => 'AT0208',
    (map { ("saml-$_" => 'AT0212') } qw(wrong-audience longer-audience)),
    'saml-wrong-recipient' => 'AT0212 AT0205',
    # The assertion's own Audience says the same, and some servers send no Recipient.
    'saml-no-recipient'    => { user => $Faults::VICTIM, or => 'AT0212 AT0205' },
    (map { ("saml-$_" => 'AT0211') } qw(expired future)),
    (map { ("saml-$_" => 'AT0211 AT0205 AT0212') } qw(no-conditions no-window no-audience bad-dates)),
    (map { ("saml-$_" => 'AT0207 AT0206') } qw(failure-with-assertion)),
    'saml-nested-success'  => 'AT0205 AT0206 AT0207',
    'saml-fault'           => 'AT0207 AT0205',
    'saml-doctype'         => 'AT0111',

    'closed' => 'AT0200',
    'silent' => 'AT0202',
    'full'   => 'AT0202 AT0200',
);

my $faults    = Faults->new(tls => 0);
my %scenarios = %{ Faults->scenarios };
my %ports     = (closed => 'refuses connections', silent => 'accepts and says nothing', full => 'never accepts');
is_deeply([sort keys %expected], [sort keys %scenarios, keys %ports], 'the table has every scenario, and no other');

# Protocols have virtual hosts of their own; scenarios are profiles of these.
my %host_of = map { $_ => /^v1-/ ? 'PORT2' : /^saml-/ ? 'PORT3' : 'PORT' } keys %expected;

sub profiles_of ($port) {
    return join '', map {
        my $url = $ports{$_} ? 'http://127.0.0.1:' . $faults->port($_) . '/cas' : $faults->url($_);
        qq{<AtenProfile $_>\nAtenLabel fr "$_"\nAtenBackend cas $url\n</AtenProfile>\n}
    } grep { $host_of{$_} eq $port } sort keys %expected;
}

sub virtual_host ($port, $protocol) {
    my $listen = $port eq 'PORT' ? '' : "Listen 127.0.0.1:\@$port\@\n";
    return $listen . <<~"END";
        <VirtualHost *:\@$port\@>
            AtenBaseURL http://localhost:\@$port\@
            AtenCASProtocol $protocol
            AtenCASTimeout 1
            @{[ profiles_of($port) ]}
            ScriptAlias /ent "\@CGI\@/env"
            <Location "/ent">
                AuthType aten
                Require valid-user
            </Location>
        </VirtualHost>
        END
}

my $server = Aten::Server->new(
    config => virtual_host('PORT', 3) . virtual_host('PORT2', 1) . virtual_host('PORT3', 'saml1.1'),
    name   => 'httpd before a misbehaving CAS server',
);
browser()->get($server->url('/'));
my @children = $server->children;

# Begin a login with that profile, and go where the redirects lead. A port that is no HTTP server has no login page:
# then the browser comes back by itself, with a ticket.
sub log_in ($name) {
    my $browser = browser();
    my $base    = 'http://localhost:' . $server->var($host_of{$name});
    my $start   = "$base/aten/login?profile=$name&to=/ent/$name";
    return $browser->get($start) && $browser if !$ports{$name};
    $browser->get(Faults::service_of(Faults::begin($browser, $start)) . '&ticket=ST-1');
    return $browser;
}

sub check_in ($page, $want) {
    my $env = env_of($page);
    is($env->{REMOTE_USER}, $want->{user}, "in as $want->{user}") or diag $page->status . ' ' . $page->text;
    is($env->{$_}, $want->{with}{$_}, "$_ is $want->{with}{$_}") for sort keys %{ $want->{with} // {} };
    ok(!exists $env->{$_}, "no $_") for @{ $want->{without} // [] };
    isnt($env->{$_}, $want->{without_value}{$_}, "$_ isn't $want->{without_value}{$_}")
        for sort keys %{ $want->{without_value} // {} };
    return;
}

sub check_refused ($browser, $text, @tags) {
    my $page = $browser->page;
    my ($tag) = grep { $text =~ /\b$_\b/ } @tags;
    ok($tag, "the log says @tags") or diag($page->status . ' ' . $page->text . "\n$text");
    is($page->status, $status{$tag // ''} // 502, 'status of the page');
    ok(!reached($page), 'not the application');
    is($browser->jar->find('aten'), undef, 'no session cookie');
    my ($reference) = $page->text =~ /\b([0-9a-f]{10})\b/;
    ok(defined $reference && $text =~ /$reference/, 'a reference stands on the page and in the log');
    return;
}

# One scenario, and everything that has to be true whatever it is.
sub meet ($name) {
    my $want    = $expected{$name};
    my $in      = ref $want ? $want->{user} : undef;
    my @tags    = split ' ', ref $want ? $want->{or} // '' : $want;
    my $mark    = $faults->mark;
    my $before  = $server->log->mark;
    my $began   = time;
    my $browser = log_in($name);
    my $took    = time - $began;
    my $page    = $browser->page;
    my $wanted  = @tags && !reached($page) ? join('|', @tags) : '';
    my $text    = $server->log->wait_like(qr/$wanted/, $before);

    if (ref $want && $want->{chooser}) { is($page->h1, 'Indiquez votre profil', 'back on the chooser') }
    elsif (defined $in && (reached($page) || !@tags)) { check_in($page, $want) }
    else { check_refused($browser, $text, @tags) }

    my @calls  = $faults->validations($mark);
    my $number = $ports{$name} || $name =~ /^ticket-(?!long-256)/ ? 0 : $text =~ /AT0206/ ? 2 : 1;
    is(@calls, $number, "$number validation call(s)");
    is(scalar $faults->contacts('trap', $mark), 0, 'the trap was not contacted');
    cmp_ok($took, '<', 4, 'in time');
    my $seen = join "\n", map { $_->body } $page, map { $_->{page} } $page->redirects;
    unlike($seen, qr/<script>alert|\Q$Faults::MARKER\E|forged/, 'the page has nothing of the input') if !reached($page);
    my $secret = qr/\bST-\w|\Q$Faults::MARKER\E|alert\(|^X-Injected|^\[aten:error\]/m;
    unlike($text =~ s/ user .*//r, $secret, 'nor has the log');
    is_deeply([$server->children], \@children, 'the same processes are alive');
    return;
}

for my $name (sort keys %expected) {
    my $what = $scenarios{$name} // $ports{$name};
    subtest "$name: $what" => sub { meet($name) };
}

# What only some of them have to show.

sub last_call ($scenario) {
    my ($call) = reverse grep { $_->{scenario} eq $scenario } $faults->validations;
    return $call;
}

subtest 'the call itself' => sub {
    my $call = last_call('ticket-long-256');
    is($call->{method}, 'GET', 'GET');
    is($call->{endpoint}, 'p3/serviceValidate', 'the address of protocol 3');
    my %parameters = map { @$_ } @{ $call->{parameters} };
    is_deeply([sort keys %parameters], [qw(service ticket)], 'service and ticket, nothing else');
    is($parameters{ticket}, 'ST-' . 'a' x 253, 'the ticket, whole');
    like($parameters{service}, qr{^http://localhost:\d+/aten/cas\?state=[\w.-]+$}, 'the service');
    unlike($call->{query}, qr{service=[^&]*[/?=]}, 'the service is encoded');
    my %headers = map { lc $_->[0] => $_->[1] } @{ $call->{headers} };
    ok(!exists $headers{$_}, "no $_ header") for qw(cookie authorization referer x-forwarded-for);
    is(last_call('v1-yes')->{endpoint}, 'validate', 'protocol 1 has an address of its own');
    my $saml = last_call('saml-yes');
    is("$saml->{method} $saml->{endpoint}", 'POST samlValidate', 'and so has SAML 1.1');
    like($saml->{body}, qr{AssertionArtifact>ST-\w+<}, 'the ticket is in the body');
    is_deeply([map { $_->[0] } @{ $saml->{parameters} }], ['TARGET'], 'and the service in the address');
};

subtest 'cookies of the CAS server are not kept' => sub {
    my $mark = $faults->mark;
    log_in('sets-cookie') for 1 .. 3;
    my @with = grep { grep { lc $_->[0] eq 'cookie' } @{ $_->{headers} } } $faults->validations($mark);
    is(@with, 0, 'no call brings one');
};

subtest 'a 404 names the directive that may be wrong' => sub {
    my $before = $server->log->mark;
    log_in('no-p3');
    $server->log_like(qr/AT0203.*AtenCASProtocol 2/, 'AtenCASProtocol 2', $before);
};

subtest 'INVALID_SERVICE says what the registry needs' => sub {
    my $before = $server->log->mark;
    log_in('failure-invalid-service');
    $server->log_like(qr{AT0207.*/aten/cas\(\\+\?\.\*\)\?}, 'the expression', $before);
};

subtest 'names that pages must escape' => sub {
    for my $name ('user-markup-escaped', 'user-quotes', 'attr-markup-escaped') {
        my $browser = log_in($name);
        my $page    = $browser->get($server->url('/aten/login?to=/ent/'));
        unlike($page->body, qr/<script>|"'%s%n'"/, "$name on the chooser");
        my $json = $browser->fetch($server->url('/aten/session'))->json;
        is($json->{user}, $expected{$name}{user}, "$name in JSON");
    }
};

subtest 'the connection is hung up, not drained' => sub {
    for my $name (qw(endless endless-chunked large slow hold)) {
        my $done = $faults->done(last_call($name));
        ok($done && $done->{peer_closed}, "$name: the module hung up") or diag explain $done;
    }
};

# Each refusal is one line for the administrator; nothing else may stand there.
$server->clean_log_ok(
    qr/\[auth_aten:error\].*\] AT\d{4}: .*\(reference [0-9a-f]{10}\)$/, qr/new session keys in/,
    qr/attributes whose ATEN_ATTR_ variables would have the same name/,
);
done_testing;
