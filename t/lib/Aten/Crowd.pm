package Aten::Crowd;

# People at work at the nodes of a cluster, each in a process of their own: they log in, ask for pages, now here and now
# there, and log out; nodes and Redis may die meanwhile. What must hold all the same is checked as they go, the rest when
# they have stopped:
# - a session that nobody ended lives at each node that answers;
# - where a logout was answered the session is dead, from then on, at that node; and at the others once they have heard.

use v5.36;
use Aten::Cluster ();
use Aten::Process ();
use JSON::PP ();
use Time::HiRes ();

my $json = JSON::PP->new->canonical;

# Options: cluster, people => how many (4), accounts => [names], pause => seconds between two steps (0.02),
# numbers => sub { the nodes to be asked now } (default: all that the cluster has at the start).
sub new ($class, %option) {
    my $self = bless { people => 4, accounts => [qw(parent prof eleve)], pause => 0.02, %option, children => [] }, $class;
    $self->{directory} = Aten::Process::temporary_directory('crowd');
    $self->{owner}     = $$;
    $self->{numbers} //= [$self->{cluster}->numbers];
    $self->begin($_) for 1 .. $self->{people};
    return $self;
}

sub begin ($self, $person) {
    my $pid = fork() // die "fork: $!";
    if (!$pid) {
        local $SIG{TERM} = 'DEFAULT';
        setpgrp;
        eval { $self->live($person); 1 } or $self->note('finding', "person $person died: $@");
        POSIX::_exit(0);
    }
    push @{ $self->{children} }, $pid;
    return;
}

# Ends them. Returns {logins, requests, logouts, refused, unanswered, slowest, findings => [...]}.
sub stop ($self) {
    return $self->result if !@{ $self->{children} };
    Aten::Process::spew("$self->{directory}/stop", '');
    my $until = Time::HiRes::time() + 60;
    for my $pid (splice @{ $self->{children} }) {
        while (waitpid($pid, POSIX::WNOHANG()) == 0) {
            kill 'KILL', $pid if Time::HiRes::time() > $until;
            Time::HiRes::sleep(0.05);
        }
    }
    return $self->result;
}

sub DESTROY ($self) {
    return if $self->{owner} != $$;
    local ($?, $!);
    $self->stop;
    return;
}

sub result ($self) {
    my %sum = (map({ $_ => 0 } qw(logins requests logouts refused unanswered slowest)), findings => []);
    for my $line ($self->notes) {
        my ($what, $detail) = @$line;
        if ($what eq 'finding') { push @{ $sum{findings} }, $detail }
        elsif ($what eq 'slowest') { $sum{slowest} = $detail if $detail > $sum{slowest} }
        elsif ($what eq 'sums') { $sum{$_} += $detail->{$_} for keys %$detail }
    }
    return \%sum;
}

sub notes ($self, $file = 'person-*') {
    return map { $json->decode($_) } map { split /\n/, Aten::Process::slurp($_) } glob "$self->{directory}/$file";
}

# The sessions whose logout was answered: {cookie, node, time}.
sub ended ($self) { return map { $_->[1] } grep { $_->[0] eq 'ended' } $self->notes }

# Those of them that live at some node all the same, after so many seconds.
sub late ($self, $seconds = 10) {
    my $cluster = $self->{cluster};
    my @late;
    my $until = Time::HiRes::time() + $seconds;
    for my $ended ($self->ended) {
        my $browser = $cluster->browser;
        $browser->jar->set(name => 'aten', value => $ended->{cookie}, domain => 'localhost');
        my $left = $until - Time::HiRes::time();
        my $said = $cluster->wait_who($browser, 'out', $left > 0 ? $left : 0);
        push @late, "ended at node $ended->{node} at $ended->{time}: $said" if grep { $_ ne 'out' } split / /, $said;
    }
    return @late;
}

# --- one person ---

sub note ($self, $what, $detail) {
    open my $out, '>>', "$self->{directory}/person-$$" or die "note: $!";
    print {$out} $json->encode([$what, $detail]), "\n";
    close $out;
    return;
}

sub live ($self, $person) {
    srand;
    $self->{is}      = $self->{accounts}[$person % @{ $self->{accounts} }];
    $self->{sums}    = { map { $_ => 0 } qw(logins requests logouts refused unanswered) };
    $self->{slowest} = 0;
    my @ended;
    until (-e "$self->{directory}/stop" || getppid != $self->{owner}) {
        my $browser = $self->come_in or next;
        my $in = 1;
        for (1 .. 2 + rand 8) {
            $in = $self->look($browser) or last;
        }
        push @ended, grep { defined } $self->leave($browser) if $in;
        shift @ended if @ended > 20;
        $self->look_back($_) for grep { rand() < 0.3 } @ended;
    }
    $self->note(sums => $self->{sums});
    $self->note(slowest => $self->{slowest});
    return;
}

sub any ($self) { return $self->{numbers}[rand @{ $self->{numbers} }] }

# What an answer says: the person's name, 'out', 'away' (no answer, or 503: a node is down, or starts).
sub ask ($self, $browser, $number) {
    Time::HiRes::sleep($self->{pause});
    my $start = Time::HiRes::time();
    my $said  = $self->{cluster}->who($browser, $number);
    $self->timed($start);
    return $said if $said !~ /^(?:599|503)$/;
    $self->{sums}{ $said == 599 ? 'unanswered' : 'refused' }++;
    return 'away';
}

sub timed ($self, $start) {
    my $took = Time::HiRes::time() - $start;
    $self->{slowest} = $took if $took > $self->{slowest};
    return;
}

sub come_in ($self) {
    my $start   = Time::HiRes::time();
    my $browser = eval { $self->{cluster}->login($self->any, $self->{is}) };
    my $status  = $browser ? $browser->page->status : 599;
    if ($status != 200 || ($browser->page->header('x-who') // '') ne $self->{is}) {
        # A node that went away on the way.
        $self->{sums}{unanswered}++;
        Time::HiRes::sleep(0.1);
        return undef;
    }
    $self->timed($start);
    $self->{sums}{logins}++;
    return $browser;
}

# A page, at any node. Nobody has ended this session.
sub look ($self, $browser) {
    my $number = $self->any;
    my $said   = $self->ask($browser, $number);
    $self->{sums}{requests}++;
    return 1 if $said eq $self->{is} || $said eq 'away';
    $self->note(finding => sprintf '%s at node %d, %.3f: %s, though nobody ended the session', $self->{is}, $number,
        Time::HiRes::time(), $said);
    return 0;
}

# Out, at any node. Returns what is ended for certain: without an answer nobody knows.
sub leave ($self, $browser) {
    my $number = $self->any;
    my $cookie = $browser->jar->find('aten') // return undef;
    my $start  = Time::HiRes::time();
    if (!eval { $self->{cluster}->logout($browser, $number) }) {
        $self->{sums}{unanswered}++;
        return undef;
    }
    $self->timed($start);
    $self->{sums}{logouts}++;
    my $ended = { cookie => $cookie->{value}, node => $number, time => Time::HiRes::time() };
    $self->note(ended => $ended);
    return $ended;
}

# With the cookie of a session that ended there.
sub look_back ($self, $ended) {
    my $browser = $self->{cluster}->browser($ended->{node});
    $browser->jar->set(name => 'aten', value => $ended->{cookie}, domain => 'localhost');
    my $said = $self->ask($browser, $ended->{node});
    return if $said eq 'out' || $said eq 'away';
    $self->note(finding => sprintf '%s at node %d, %.3f: lives, though it ended there at %.3f', $said, $ended->{node},
        Time::HiRes::time(), $ended->{time});
    return;
}

1;
