package Aten::Log;

# httpd's error log as a part of the answer: whatever a test didn't expect in it fails the test.

use v5.36;
use Aten::Process ();
use Test::More ();

my @logs;
my $main = $$;

# Options: file => the log, name => for messages.
sub new ($class, %option) {
    my $self = bless { read => 0, allowed => [], checked => 1, %option }, $class;
    push @logs, $self;
    return $self;
}

sub text ($self) { return Aten::Process::slurp($self->{file}) }
sub lines ($self) { return split /\n/, $self->text }

# Where the log ends now, and what came after.
sub mark  ($self)        { return -s $self->{file} // 0 }
sub since ($self, $mark) { return substr($self->text, $mark) }

# Wait until a line matches; httpd may write it after it has answered.
sub wait_like ($self, $regex, $mark = 0, $seconds = 5) {
    for (1 .. $seconds * 20) {
        my $text = $self->since($mark);
        return $text if $text =~ $regex;
        select undef, undef, undef, 0.05;
    }
    return $self->since($mark);
}

# A test of its own: a line after MARK matches; it is expected from then on.
sub like ($self, $regex, $name, $mark = 0) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    push @{ $self->{allowed} }, $regex;
    return Test::More::like($self->wait_like($regex, $mark), $regex, $name);
}

sub unlike ($self, $regex, $name, $mark = 0) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::unlike($self->since($mark), $regex, $name);
}

# A test of its own: no line since the last such check is unexpected. Expected are the patterns given now or before.
sub clean_ok ($self, @allowed) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    push @{ $self->{allowed} }, @allowed;
    my $text = $self->since($self->{read});
    $self->{read} = $self->mark;
    my @odd = unexpected($text, @{ $self->{allowed} });
    Test::More::ok(!@odd, "nothing unexpected in the error log of $self->{name}")
        or Test::More::diag(join "\n", map { "  $_" } @odd > 20 ? (@odd[0 .. 19], '...') : @odd);
    return !@odd;
}

# What every start of the module says.
my $start = qr/\[auth_aten:notice\] \[[^\]]*\] (?:new session keys in |AtenCASCutoff \(\S+\): from )/;

my %loud = map { $_ => 1 } qw(emerg alert crit error warn);

# What is unexpected unless a pattern allows it: a line of anybody at warn or above, of ours at notice, any child that
# died, what is no log line at all (a sanitizer, a program's stderr). Never allowed: a ticket or a cookie in our lines.
sub unexpected ($text, @allowed) {
    return grep { is_unexpected($_, @allowed) } split /\n/, $text;
}

sub is_unexpected ($line, @allowed) {
    return 0 if $line =~ /^\s*$/;
    my ($module, $level) = $line =~ /^\[[^\]]+\] \[(\w*):(\w+)\]/;
    my $ours = ($module // '') eq 'auth_aten';
    return 1 if $ours && $line =~ /\b[SP]T-\w{12}|__Host-aten=\S|\baten=[\w-]{16}/;
    return 1 if $line =~ /AddressSanitizer|LeakSanitizer|runtime error:/;
    for my $pattern ($start, @allowed) {
        return 0 if $line =~ $pattern;
    }
    return 1 if $line =~ /exit signal/;
    return 1 if !defined $level;
    return $loud{$level} || ($ours && $level eq 'notice');
}

# A test that started a server and never looked at its log is no test of it.
END {
    if ($$ == $main && !$?) {
        for my $log (grep { !$_->{unchecked} && $_->mark > $_->{read} } @logs) {
            my @odd = unexpected($log->since($log->{read}), @{ $log->{allowed} });
            next if !@odd;
            Test::More::diag("unexpected in the error log of $log->{name} after the last look at it:");
            Test::More::diag("  $_") for @odd;
            $? = 1;
        }
    }
}

1;
