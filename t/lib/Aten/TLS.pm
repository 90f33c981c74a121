package Aten::TLS;

# Certificates for tests, made by the openssl command: an authority of our own, and servers with right and wrong ones.

use v5.36;
use Aten::Process ();

# Options: directory => where to put the files (made if not given).
sub new ($class, %option) {
    my $self = bless { directory => $option{directory} // Aten::Process::temporary_directory('tls') }, $class;
    my $name = $option{name} // 'ca';
    $self->{ca_key}  = $self->key($name);
    $self->{ca_file} = "$self->{directory}/$name.pem";
    openssl(qw(req -x509 -new -sha256 -key), $self->{ca_key}, '-out', $self->{ca_file}, '-subj', '/CN=Aten test authority',
        '-days', 36500, '-addext', 'basicConstraints=critical,CA:TRUE',
        '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
    return $self;
}

sub ca_file ($self) { return $self->{ca_file} }

sub key ($self, $name) {
    my $file = "$self->{directory}/$name.key";
    openssl(qw(genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out), $file);
    return $file;
}

# A server's certificate: ($certificate_file, $key_file). Options: name => 'good' (of the files),
# names => ['DNS:localhost', 'IP:127.0.0.1'], self_signed => 1,
# days => 36500 (negative: it ended that long ago), so that tests at other dates find it good.
sub certificate ($self, %option) {
    my $name  = $option{name} // 'server';
    my $names = join ',', @{ $option{names} // ['DNS:localhost', 'IP:127.0.0.1'] };
    my $key   = $self->key($name);
    my $file  = "$self->{directory}/$name.pem";
    my @what  = ('-key', $key, '-subj', '/CN=Aten test server');
    if ($option{self_signed}) {
        openssl(qw(req -x509 -new -sha256 -days 36500 -out), $file, @what, '-addext', "subjectAltName=$names");
        return ($file, $key);
    }
    my $request    = "$self->{directory}/$name.csr";
    my $extensions = Aten::Process::spew("$self->{directory}/$name.ext", "subjectAltName=$names\n");
    openssl(qw(req -new -sha256 -out), $request, @what);
    # The x509 command takes no start date, and an end before the start only as a negative number of days.
    openssl(qw(x509 -req -sha256 -in), $request, '-CA', $self->{ca_file}, '-CAkey', $self->{ca_key},
        '-set_serial', 1 + int rand 2**30, '-days', $option{days} // 36500, '-extfile', $extensions, '-out', $file);
    return ($file, $key);
}

sub openssl (@arguments) {
    my $pid = open my $out, '-|';
    die "fork: $!" if !defined $pid;
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec 'openssl', @arguments or exit 127;
    }
    my $text = do { local $/; <$out> };
    close $out or die "openssl @arguments: $text";
    return $text;
}

1;
