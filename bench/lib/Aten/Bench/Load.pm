package Aten::Bench::Load;

# Load by wrk, which keeps a fixed number of connections busy for some seconds, on a processor of its own.

use v5.36;
use Aten::Process ();

use constant CONNECTIONS => 8;

# The requests in turn, each with the next Cookie header; built beforehand, so that the client costs the same in all
# cases.
my $script = <<'END';
local requests, at = {}, 0

function init(arguments)
    for line in io.lines(arguments[1]) do
        local headers = {}
        if line ~= "" then headers["Cookie"] = line end
        if arguments[2] == "close" then headers["Connection"] = "close" end
        requests[#requests + 1] = wrk.format("GET", nil, headers)
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end
END

# Options: cpu => the processor's number, seconds => of each run.
sub new ($class, %option) {
    my $self = bless { directory => Aten::Process::temporary_directory('bench'), %option }, $class;
    Aten::Process::spew("$self->{directory}/load.lua", $script);
    return $self;
}

# One run. Options: server, path, cookies => [Cookie headers], close => 1: a new connection for each request.
# Returns how many requests were answered.
sub run ($self, %what) {
    my ($cookies, $output) = map { "$self->{directory}/$_" } qw(cookies output);
    Aten::Process::spew($cookies, join '', map { ($_ // '') . "\n" } @{ $what{cookies} });
    unlink $output;
    my $wrk = Aten::Process->start(
        name => 'wrk', output => $output,
        command => [
            'taskset', '-c', $self->{cpu}, 'wrk', '-t', 1, '-c', CONNECTIONS, '-d', $self->{seconds},
            '-s', "$self->{directory}/load.lua", $what{server}->url($what{path}), '--', $cookies,
            $what{close} ? 'close' : (),
        ],
    );
    $wrk->wait_end($self->{seconds} + 20) or die "wrk does not end\n";
    my $text = $wrk->output_text;
    my ($requests) = $text =~ /^\s*(\d+) requests in /m or die "wrk failed:\n$text";
    die "wrk met errors:\n$text" if $text =~ /Non-2xx|Socket errors/ || !$requests;
    return $requests;
}

1;
