package Aten::Bench::Login;

# Logins at the CAS server by a browser that has a session there already, and what they cost httpd.

use v5.36;
use Aten::Browser ();

# A browser that has logged in as ACCOUNT by SERVER, whose path PATH asks for a session.
# Options: server, path, account, cookie => the name of the session cookie.
sub new ($class, %option) {
    my $self = bless { browser => Aten::Browser->new, %option }, $class;
    my $cas  = $self->{server}->cas;
    $self->{browser}->get($self->{server}->url($self->{path}));
    $self->{browser}->submit({ username => $self->{account}, password => $cas->password($self->{account}) });
    $self->session;
    return $self;
}

# The Cookie header of the session that the browser has now.
sub session ($self) {
    my $cookie = $self->{browser}->jar->find($self->{cookie});
    my $page   = $self->{browser}->page;
    die "no login by $self->{server}{name}: " . $page->status . ' ' . $page->url . "\n" . $page->text if !$cookie;
    return "$cookie->{name}=$cookie->{value}";
}

# One more login, with a new session. Returns what each step used, in nanoseconds: the redirect to CAS, the return with
# the ticket, the page.
sub again ($self) {
    my ($browser, $server) = @$self{qw(browser server)};
    my ($cas, $here) = ($server->cas->url, $server->url(''));
    $browser->jar->delete($self->{cookie});
    my $start    = $server->url($self->{path});
    my ($go)     = $self->step(sub { $browser->get($start, until => sub ($to) { $to =~ /^\Q$cas/ }) });
    my $ticket   = $browser->get($browser->page->location, until => sub ($to) { $to =~ /^\Q$here/ })->location;
    my ($return) = $self->step(sub { $browser->get($ticket, follow => 0) });
    my $to       = $browser->page->location // die "a ticket was not taken: " . $browser->page->text;
    my ($page)   = $self->step(sub { $browser->get($to) });
    $self->session;
    return ($go, $return, $page);
}

sub step ($self, $do) {
    my $before = $self->{server}->settled_ns;
    $do->();
    return $self->{server}->settled_ns - $before;
}

1;
