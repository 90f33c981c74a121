package Aten::Chromium;

# A real browser: headless Chromium through chromedriver, by the W3C WebDriver protocol (HTTP and JSON).

use v5.36;
use Aten::Process ();
use HTTP::Tiny ();
use JSON::PP ();
use parent 'Aten::Process';

my %key = (tab => "\x{E004}", enter => "\x{E007}");

sub available () { return -x '/usr/bin/chromium' && -x '/usr/bin/chromedriver' }

# Options: width, height (of the window), lang (fr), preferences => {name => value} of the browser.
sub new ($class, %option) {
    my $self = bless { name => 'chromedriver', width => 1100, height => 900, lang => 'fr', %option }, $class;
    my $port = Aten::Process::free_port();
    $self->{profile} = Aten::Process::temporary_directory('chromium');
    $self->{http}    = HTTP::Tiny->new(timeout => 60, no_proxy => ['*'], proxy => undef, http_proxy => undef);
    $self->{base}    = "http://127.0.0.1:$port";
    $self->launch(
        name => 'chromedriver', command => ['/usr/bin/chromedriver', "--port=$port"], env => {},
        output => "$self->{profile}/driver.log",
    );
    $self->wait_for(sub { Aten::Process::listening($port) });
    my $answer = $self->call(POST => '/session', { capabilities => { alwaysMatch => {
        browserName => 'chrome',
        'goog:chromeOptions' => { binary => '/usr/bin/chromium', prefs => $self->{preferences} // {}, args => [
            '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
            '--no-proxy-server', "--user-data-dir=$self->{profile}/profile",
            "--window-size=$self->{width},$self->{height}", "--lang=$self->{lang}", "--accept-lang=$self->{lang}",
        ] },
        'goog:loggingPrefs' => { browser => 'ALL' },
    } } });
    $self->{session} = "/session/$answer->{sessionId}";
    return $self;
}

sub call ($self, $method, $path, $body = undef) {
    my $answer = $self->{http}->request($method, $self->{base} . $path, {
        headers => { 'Content-Type' => 'application/json' },
        defined $body ? (content => JSON::PP->new->utf8->encode($body)) : (),
    });
    my $value = eval { JSON::PP->new->utf8->decode($answer->{content})->{value} };
    die "WebDriver $method $path: $answer->{status} " . ($value->{message} // $answer->{content}) . "\n"
        if !$answer->{success};
    return $value;
}

sub get   ($self, $url) { $self->call(POST => "$self->{session}/url", { url => $url }); return $self }
sub url   ($self) { return $self->call(GET => "$self->{session}/url") }
sub title ($self) { return $self->call(GET => "$self->{session}/title") }

# The value of a JavaScript function's body; the pages have no script of their own, this one comes from outside.
sub script ($self, $text, @args) {
    return $self->call(POST => "$self->{session}/execute/sync", { script => $text, args => \@args });
}

# Keys as a person presses them, to whatever has the focus: 'tab', 'enter', or text.
sub press ($self, @keys) {
    my @actions = map { ({ type => 'keyDown', value => $_ }, { type => 'keyUp', value => $_ }) }
        map { exists $key{$_} ? $key{$_} : split //, $_ } @keys;
    $self->call(POST => "$self->{session}/actions", { actions => [{ type => 'key', id => 'k', actions => \@actions }] });
    return $self;
}

# Press Tab until what has the focus shows this text. Returns how many it took, 0 if it never came.
sub tab_to ($self, $text, $most = 30) {
    for my $count (1 .. $most) {
        $self->press('tab');
        my $label = $self->script('const e = document.activeElement; return e ? (e.innerText || e.name || "") : "";');
        return $count if $label =~ $text;
    }
    return 0;
}

# What the browser complained about: scripts, styles or frames that the policy stopped, missing files.
sub console ($self) {
    return map { $_->{message} } @{ $self->call(POST => "$self->{session}/se/log", { type => 'browser' }) };
}

sub wait_url ($self, $pattern, $seconds = 20) {
    for (1 .. $seconds * 10) {
        return 1 if $self->url =~ $pattern;
        select undef, undef, undef, 0.1;
    }
    return 0;
}

sub quit ($self) { return $self->stop }

# A driver that is killed leaves its browser behind: end that first, also when the test died.
sub stop ($self, @more) {
    $self->{http}->timeout(10);
    my $session = delete $self->{session};
    eval { $self->call(DELETE => $session) } if $session && $self->alive;
    return $self->SUPER::stop(@more);
}

1;
