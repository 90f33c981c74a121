package Aten::Cluster;

# Several httpd of one site, as behind a load balancer: the same keys, one CAS server, a state directory and a port for
# each. There is no balancer: the site's address is the first node's, and each browser says which node its requests
# reach (Aten::Cluster::Browser).

use v5.36;
use Aten::Process ();
use Aten::Server ();
use Aten::Test ();
use MIME::Base64 ();
use Test::More ();
use Time::HiRes ();

# Options: nodes => how many (3), redis => an Aten::Redis, store => the line of AtenStore (default: that Redis), cas => an
# Aten::CAS, config => more lines of the server, mpms => [of each node, in turn], and those of Aten::Server.
sub new ($class, %option) {
    my $self = bless {
        nodes => [], mpms => ['event'], config => '', %option{grep { exists $option{$_} } qw(redis store cas mpms config)},
    }, $class;
    $self->{directory} = Aten::Process::temporary_directory('cluster');
    $self->{keys}      = Aten::Process::spew("$self->{directory}/keys",
        MIME::Base64::encode(join('', map { chr int rand 256 } 1 .. 32), '') . "\n");
    chmod 0600, $self->{keys};
    $self->{port} = Aten::Process::free_port();
    $self->{more} = { map { $_ => $option{$_} } grep { !exists $self->{$_} } keys %option };
    $self->add for 1 .. $option{nodes} // 3;
    return $self;
}

# What AtenStore takes. Options: those of Aten::Redis->url.
sub store_of ($redis, %option) {
    return $redis->url(%option) . ($redis->tls ? ' ca=' . $redis->tls->ca_file : '');
}

# One node more, which has never been here: started, and returned. Options: those of Aten::Server; run => 0: not
# started; store => another one.
sub add ($self, %option) {
    my $number = @{ $self->{nodes} };
    my $store  = delete $option{store} // $self->{store} // 'AtenStore ' . store_of($self->{redis});
    my $run    = delete $option{run} // 1;
    my %vars   = (
        BASE => $self->url(''), KEYS => $self->{keys}, STORE => $store, NODE => $number,
        $number ? () : (PORT => $self->{port}),
    );
    my $node = Aten::Server->prepare(
        name => "node $number", mpm => $self->{mpms}[$number % @{ $self->{mpms} }], cas => $self->{cas},
        children => 2, threads => 8, %{ $self->{more} }, config => $self->site . $self->{config},
        %option, vars => { %vars, %{ $self->{more}{vars} // {} }, %{ $option{vars} // {} } },
    );
    push @{ $self->{nodes} }, $node;
    $node->run if $run;
    return $node;
}

# A file behind a session, with the name of who asked.
sub site ($self) {
    return <<~'END' . ($self->{cas} ? "AtenCASServer \@CAS\@\n" : '');
        @STORE@
        AtenSessionKeys @KEYS@
        AtenBaseURL @BASE@
        Alias /who @DOCROOT@/index.html
        <Location "/who">
            AuthType aten
            Require valid-user
            Header set X-Who "expr=%{REMOTE_USER}"
        </Location>
        END
}

sub cas   ($self)             { return $self->{cas} }
sub redis ($self)             { return $self->{redis} }
sub nodes ($self)             { return @{ $self->{nodes} } }
sub node  ($self, $number)    { return $self->{nodes}[$number] }
sub url   ($self, $path = '/', @) { return "http://localhost:$self->{port}$path" }

# Each node's numbers: 0, 1, ...
sub numbers ($self) { return 0 .. $#{ $self->{nodes} } }
sub others ($self, $number) { return grep { $_ != $number } $self->numbers }

# --- people ---

# A browser whose requests to the site reach that node. Options: those of Aten::Browser.
sub browser ($self, $number = 0, %option) {
    return Aten::Cluster::Browser->new(cluster => $self, node => $number, %option);
}

# Somebody logs in by CAS at a node. Options: those of Aten::Test's login.
sub login ($self, $number, $account, %option) {
    my $browser = $self->browser($number, %{ $option{browser_options} // {} });
    Aten::Test::login($self, $account, to => '/who', %option, browser => $browser);
    return $browser;
}

# The same up to the way back from CAS, which is returned beside the browser.
sub begin ($self, $number, $account, %option) {
    my $browser = $self->browser($number);
    Aten::Test::login_page($self, to => '/who', %option, browser => $browser);
    my $page = $browser->submit({ username => $account, password => $self->cas->password($account) },
        until => sub ($to) { $to =~ /ticket=/ });
    return ($browser, $page->location);
}

# What that node thinks of the browser's session: the name of who it is, 'out', or the status of another answer.
sub who ($self, $browser, $number) {
    my $before = $browser->{node};
    my $page   = $browser->at($number)->fetch($self->url('/who'));
    $browser->at($before);
    return $page->header('x-who') // '?' if $page->status == 200;
    return $page->status == 401 ? 'out' : $page->status;
}

# The same of all nodes, in one text.
sub who_everywhere ($self, $browser) { return join ' ', map { $self->who($browser, $_) } $self->numbers }

# Wait until each node says so of the browser's session; returns what they say at the end.
sub wait_who ($self, $browser, $wanted, $seconds = 5, @numbers) {
    @numbers = $self->numbers if !@numbers;
    my $until = Time::HiRes::time() + $seconds;
    my $wish  = join ' ', ($wanted) x @numbers;
    while (1) {
        my $said = join ' ', map { $self->who($browser, $_) } @numbers;
        return $said if $said eq $wish || Time::HiRes::time() > $until;
        Time::HiRes::sleep(0.05);
    }
}

# A person logs out at a node; ends before the backend's own page, or on the page that says so. True if it was answered.
sub logout ($self, $browser, $number) {
    my $page = $browser->at($number)->get($self->url('/aten/logout'), from => $self->url('/who'),
        until => sub ($to) { $to !~ m{^\Q@{[ $self->url('/') ]}} });
    return $page->status =~ /^(?:200|30[237])$/;
}

# The logout request of a CAS server about a ticket, as it arrives at a node. Returns the status of the answer.
sub back_channel ($self, $number, $address, $ticket) {
    my $xml = '<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
        . 'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="LR-1" Version="2.0" '
        . 'IssueInstant="2026-01-01T00:00:00Z"><saml:NameID>@NOT_USED@</saml:NameID>'
        . "<samlp:SessionIndex>$ticket</samlp:SessionIndex></samlp:LogoutRequest>";
    my $port   = $self->node($number)->port;
    my $answer = HTTP::Tiny->new(timeout => 20, no_proxy => ['*'])->post_form(
        $address =~ s{^http://localhost:\d+}{http://localhost:$port}r, { logoutRequest => $xml });
    return $answer->{status};
}

# --- faults ---

# kill -9 of a node: the parent and all that it started, at the same moment.
sub crash ($self, $number) {
    my $node      = $self->node($number);
    my @processes = family($node->pid);
    kill 'KILL', @processes;
    $node->wait_end(10) or die "node $number does not end by SIGKILL";
    for (1 .. 200) {
        last if !grep { running($_) } @processes;
        Time::HiRes::sleep(0.02);
    }
    # What no process takes along when it dies so.
    semctl($_, 0, 0, 0) for semaphores(@processes);   # IPC_RMID
    unlink $node->root . '/run/httpd.pid';
    return $node;
}

# A process and all that descend from it.
sub family ($pid) {
    my @children = map { split ' ', Aten::Process::slurp($_) } glob "/proc/$pid/task/*/children";
    return ($pid, map { family($_) } @children);
}

sub running ($pid) { return Aten::Process::slurp("/proc/$pid/stat") =~ /\) [^ZX]/ }

# The System V semaphores that a server made or used: those whose last operation was by one of its processes.
sub semaphores (@processes) {
    my %ours = map { $_ => 1 } @processes;
    my ($title, @lines) = split /\n/, Aten::Process::slurp('/proc/sysvipc/sem');
    my $last_process = 11;   # GETPID of <sys/sem.h>
    return grep { $ours{ 0 + (semctl($_, 0, $last_process, 0) // 0) } } map { (split ' ')[1] } @lines;
}

# Of this one, or of several: all nodes at the same moment, for each waits for its connections.
sub stop_ok (@clusters) {
    my @nodes = map { $_->nodes } @clusters;
    $_->signal($_->{mpm} eq 'event' ? 'WINCH' : 'TERM') for @nodes;
    $_->stop_ok for @nodes;
    return;
}

# --- what is left ---

# Size of a node's store, in bytes on the disk.
sub store_bytes ($self, $number) {
    my @stat = stat $self->node($number)->root . '/state/store/data.mdb' or return 0;
    return $stat[12] * 512;
}

# Memory of a node's processes of its own, in kB.
sub memory_kb ($self, $number) {
    my $sum = 0;
    for my $pid (family($self->node($number)->pid)) {
        $sum += $1 if Aten::Process::slurp("/proc/$pid/smaps_rollup") =~ /^Private_Dirty:\s+(\d+)/m;
    }
    return $sum;
}

sub clean_logs_ok ($self, @allowed) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $_->clean_log_ok(@allowed) for $self->nodes;
    return;
}

package Aten::Cluster::Browser;

use v5.36;
use parent -norequire, 'Aten::Browser';
use Aten::Browser ();

sub at ($self, $number) {
    $self->{node} = $number;
    return $self;
}

# The balancer: the site's address is that of a node.
sub send ($self, $method, $url, $headers, $body) {
    my $cluster = $self->{cluster};
    my $here    = "http://$url->{authority}" eq $cluster->url('');
    my %there   = (%$url, $here ? (authority => 'localhost:' . $cluster->node($self->{node})->port) : ());
    return $self->SUPER::send($method, \%there, $headers, $body);
}

1;
