package Aten::URL;

# Addresses as a browser reads them.

use v5.36;
use Exporter 'import';

our @EXPORT_OK = qw(parse_url resolve trustworthy same_site same_origin form_encode);

my %default_port = (http => 80, https => 443);

# A whole http(s) address in parts, undef for anything else. Site: scheme and registrable domain; the last two labels
# stand for that (no test needs the list of public suffixes); localhost and an IP address are sites of their own.
sub parse_url ($text) {
    my ($scheme, $host, $port, $path, $query) =
        $text =~ m{^(https?)://(\[[0-9a-fA-F:.]+\]|[^/?#:@\\]+)(?::(\d*))?(/[^?#]*)?(\?[^#]*)?(?:\#.*)?$}s or return undef;
    $host = lc $host;
    $port = $default_port{$scheme} if !length($port // '');
    $path //= '/';
    my $site      = $host =~ /^[\d.]+$|^\[|^[^.]+$/ ? $host : join '.', (split /\./, $host)[-2, -1];
    my $authority = $port == $default_port{$scheme} ? $host : "$host:$port";
    return {
        scheme => $scheme, host => $host, port => $port, path => $path, query => $query, authority => $authority,
        path_query => $path . ($query // ''), origin => "$scheme://$authority", site => "$scheme://$site",
    };
}

sub same_origin ($one, $other) { return same_part('origin', $one, $other) }
sub same_site ($one, $other)   { return same_part('site', $one, $other) }

sub same_part ($part, $one, $other) {
    my ($a, $b) = map { parse_url($_) } $one, $other;
    return $a && $b && $a->{$part} eq $b->{$part};
}

# What browsers call potentially trustworthy: https, and this machine.
sub trustworthy ($url) {
    return $url->{scheme} eq 'https' || $url->{host} =~ /^(?:127\.[\d.]+|\[::1\]|(?:.+\.)?localhost)$/;
}

# An address as a browser reads it, against the page where it stands (WHATWG URL): blanks around and line breaks inside
# are dropped, a backslash is a slash, an http address needs no slashes at all. undef: leads nowhere.
sub resolve ($base, $text) {
    $text =~ s/^[\x00-\x20]+|[\x00-\x20]+$//g;
    $text =~ s/[\t\n\r]//g;
    my ($rest, $fragment) = $text =~ /^([^#]*)(#.*)?$/s;
    my ($path, $query)    = $rest =~ /^([^?]*)(\?.*)?$/s;
    my $b = parse_url($base);
    if ($path =~ /^(https?):(.*)$/is) {
        my ($scheme, $after) = (lc $1, $2 =~ tr{\\}{/}r);
        my $whole = $after =~ m{^//} || !$b || $scheme ne $b->{scheme};
        return absolute($scheme, $after =~ s{^/*}{}r, $query, $fragment) if $whole;
        $path = $after;
    }
    return $text if $path =~ /^[a-z][a-z0-9+.-]*:/i;
    return undef if !$b;
    $path =~ tr{\\}{/};
    return absolute($b->{scheme}, $path =~ s{^/*}{}r, $query, $fragment) if $path =~ m{^//};
    my $there = "$b->{scheme}://$b->{authority}";
    return $there . $b->{path_query} . ($fragment // '') if $rest eq '';
    return $there . $b->{path} . $query . ($fragment // '') if $path eq '';
    $path = $b->{path} =~ s{[^/]*$}{}r . $path if $path !~ m{^/};
    return $there . dotless($path) . escape_odd($query // '') . ($fragment // '');
}

sub absolute ($scheme, $rest, $query, $fragment) {
    my ($authority, $path) = $rest =~ m{^([^/]*)(/.*)?$}s;
    $authority =~ s/^.*@//s;
    return undef if $authority !~ /^(?:\[[0-9a-f:.]+\]|[^\s:]+)(?::\d*)?$/i;
    return "$scheme://" . lc($authority) . dotless($path // '/') . escape_odd($query // '') . ($fragment // '');
}

# RFC 3986, 5.2.4; "%2e" counts as a dot (WHATWG).
sub dotless ($path) {
    my @out;
    my @in = split m{/}, $path, -1;
    shift @in;
    for my $i (0 .. $#in) {
        my $plain = $in[$i] =~ s/%2e/./gir;
        pop @out if $plain eq '..';
        push @out, $in[$i] if $plain !~ /^\.\.?$/;
        push @out, '' if $plain =~ /^\.\.?$/ && $i == $#in;
    }
    return escape_odd('/' . join '/', @out);
}

sub escape_odd ($text) { return $text =~ s/([^\x21-\x7e]|["<>`])/sprintf '%%%02X', ord $1/ger }

sub escape ($text) {
    utf8::encode($text) if utf8::is_utf8($text);
    return $text =~ s/([^A-Za-z0-9._~*-])/sprintf '%%%02X', ord $1/ger;
}

# {a => 1, b => [2, 3]} or [a => 1, b => 2] as application/x-www-form-urlencoded.
sub form_encode ($fields) {
    my @pairs = ref $fields eq 'ARRAY' ? @$fields : map { ($_ => $fields->{$_}) } sort keys %$fields;
    my @out;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        push @out, map { escape($name) . '=' . escape($_ // '') } ref $value ? @$value : $value;
    }
    return join('&', @out) =~ s/%20/+/gr;
}

1;
