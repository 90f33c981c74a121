package Aten::Bench::Table;

# What the programs of bench/ share: how they are told how much to do, and how a row of figures comes about.

use v5.36;
use Aten::Process ();
use Exporter qw(import);

our @EXPORT_OK = qw(counted machine median option processors progress range);

# A whole number from the environment.
sub option ($name, $default, $least, $most) {
    my $value = $ENV{$name} // $default;
    return $value if $value =~ /^\d{1,4}\z/ && $value >= $least && $value <= $most;
    die "$name is '$value': give a whole number, $least to $most.\n";
}

# One for httpd, another one for the client.
sub processors () {
    my ($list) = Aten::Process::slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m;
    my @numbers = map { /^(\d+)-(\d+)$/ ? $1 .. $2 : $_ } split /,/, $list // 0;
    say STDERR 'Only one processor: httpd shares it with the client.' if @numbers < 2;
    return @numbers[0, -1];
}

# On a terminal, what is being done now.
sub progress ($what) {
    print STDERR "\r\e[K$what" if -t STDERR;
    return;
}

# Minimum, median and maximum.
sub range (@values) {
    my @sorted = sort { $a <=> $b } @values;
    my $middle = ($sorted[$#sorted / 2] + $sorted[@sorted / 2]) / 2;
    return ($sorted[0], $middle, $sorted[-1]);
}

sub median (@values) { return (range(@values))[1] }

sub counted ($number, $noun) { return "$number $noun" . ($number == 1 ? '' : 's') }

# What a figure was measured on, and how busy others kept it meanwhile.
sub machine ($processor) {
    my ($model) = Aten::Process::slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)/m;
    return "processor $processor of " . ($model // 'this machine');
}

1;
