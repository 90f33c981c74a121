package Aten::Bench::Parts;

# The parts of a SAML login, measured by bench/saml_bench.c: with answers of a portal that are made here.

use v5.36;
use Aten::Bench::Count ();
use Aten::Bench::Portal ();
use Aten::Process ();
use MIME::Base64 ();

my $nonce = 'A' x 22;

# Options: program, portal => an Aten::Bench::Portal, acs, audience: of the service that the answers are for.
sub new ($class, %option) {
    my $self = bless {%option}, $class;
    -x $self->{program} or die "$self->{program} is not built: run `make bench-saml`.\n";
    return $self;
}

# The program with its arguments; answers soon grow old, so they are made for each run.
sub command ($self, $rounds) {
    my ($portal, $now) = ($self->{portal}, time);
    my $directory = Aten::Process::temporary_directory('parts');
    my $write     = sub ($name, $text) { Aten::Process::spew("$directory/$name", $text) };
    my $request   = { id => "_$nonce", relay_state => $nonce };
    for my $form (qw(assertion response both encrypted)) {
        my $answer = $portal->answer($form, @$self{qw(acs audience)}, $request);
        $write->($form, MIME::Base64::encode(Aten::Bench::Portal::message_of($answer), ''));
    }
    $write->('metadata.xml', Aten::Process::slurp($portal->metadata_file(signed => 1)));
    $write->('service.key', Aten::Process::slurp($portal->service_key->{key}));
    $write->('service.pem', Aten::Process::slurp($portal->service_key->{certificate}));
    return ($self->{program}, $directory, @$self{qw(acs audience)}, $portal->entity_id, $now, $rounds);
}

# Run a command. Returns its lines, each split at its tabs.
sub run ($self, @command) {
    my $output = Aten::Process::temporary_directory('output') . '/output';
    my $run    = Aten::Process->start(name => 'saml_bench', output => $output, command => \@command);
    $run->wait_end(600) or die "saml_bench does not end\n";
    die 'saml_bench: ' . $run->ended_by . "\n" . $run->output_text if $run->ended_by ne '';
    return map { [split /\t/] } split /\n/, $run->output_text;
}

# {name => {ns => [minimum, median, maximum], cold => median, wall => median}}, in nanoseconds.
sub measure ($self, $cpu, $rounds) {
    my @rows = $self->run('taskset', '-c', $cpu, $self->command($rounds));
    return { map { ($_->[0] => { ns => [@$_[1 .. 3]], cold => $_->[4], wall => $_->[5] }) } @rows };
}

# {name => instructions of a call}; nothing without valgrind.
sub count ($self) {
    return {} if !Aten::Bench::Count::installed('valgrind');
    my $directory = Aten::Process::temporary_directory('callgrind');
    my @rows = $self->run(
        'valgrind', '-q', '--tool=callgrind', '--zero-before=measured', '--dump-after=measured',
        "--callgrind-out-file=$directory/out", $self->command(0),
    );
    my ($file, %count) = (0);
    for my $row (@rows) {
        my ($name, $times) = @$row;
        $file++;
        my ($total) = Aten::Process::slurp("$directory/out.$file") =~ /^(?:totals|summary): (\d+)/m
            or die "callgrind counted nothing\n";
        $count{$name} = $total / $times;
    }
    return \%count;
}

1;
