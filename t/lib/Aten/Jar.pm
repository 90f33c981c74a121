package Aten::Jar;

# A browser's cookie jar: RFC 6265bis, with SameSite, Secure and the name prefixes as browsers apply them.
#
# A request, here, is a hash: url, method, from (the address of the page where it began, undef: typed by the person),
# mode and dest (as in the Sec-Fetch-* headers), credentials (a script's choice, or undef).

use v5.36;
use Aten::URL qw(parse_url trustworthy);
use HTTP::Date ();
use Time::HiRes ();

# Options: clock => sub { seconds }, secure_loopback => 1: http on this machine takes Secure cookies.
sub new ($class, %option) {
    return bless { clock => \&Time::HiRes::time, cookies => [], refused => [], made => 0, %option }, $class;
}

# The cookies that go with a request, in the order of RFC 6265bis 5.8.3.
sub header ($self, $request) {
    return '' if !wanted($request);
    my $url     = parse_url($request->{url});
    my @cookies = grep { $self->goes_with($_, $request, $url) } $self->all;
    @cookies = sort { length $b->{path} <=> length $a->{path} || $a->{order} <=> $b->{order} } @cookies;
    return join '; ', map { length $_->{name} ? "$_->{name}=$_->{value}" : $_->{value} } @cookies;
}

# A script's request leaves the cookies at home across origins unless it asks (credentials: same-origin).
sub wanted ($request) {
    my $credentials = $request->{credentials} // ($request->{mode} eq 'cors' ? 'same-origin' : 'include');
    return $credentials eq 'include' if $credentials ne 'same-origin';
    return Aten::URL::same_origin($request->{from} // $request->{url}, $request->{url});
}

sub goes_with ($self, $cookie, $request, $url) {
    return 0 if !host_matches($cookie, $url->{host});
    return 0 if !path_matches($cookie->{path}, $url->{path});
    return 0 if $cookie->{secure} && !$self->takes_secure($url);
    return 1 if $cookie->{samesite} eq 'none' || same_site($request);
    # RFC 6265bis 5.8.3: across sites, Lax goes with a top-level navigation by a safe method alone.
    return $cookie->{samesite} eq 'lax' && top_level($request) && $request->{method} =~ /^(?:GET|HEAD)$/;
}

sub takes_secure ($self, $url) {
    return $url->{scheme} eq 'https' || $self->{secure_loopback} && trustworthy($url);
}

sub top_level ($request) { return $request->{mode} eq 'navigate' && $request->{dest} eq 'document' }

# Same-site for cookies: begun by nobody, or on a page of the same site. Redirects on the way don't count (browsers
# took that rule back), so a login by way of another site still brings Lax cookies, and Strict ones only when typed.
sub same_site ($request) { return Aten::URL::same_site($request->{from} // $request->{url}, $request->{url}) }

# Keep what one Set-Cookie header says, or note in ->refused why not: RFC 6265bis 5.7.
sub take ($self, $request, $text) {
    return if !wanted($request);
    my $url = parse_url($request->{url});
    my ($cookie, $why) = $self->parse($url, $text);
    if ($cookie && $cookie->{samesite} ne 'none' && !same_site($request) && !top_level($request)) {
        ($cookie, $why) = (undef, 'SameSite cookie in an answer across sites');
    }
    my ($old) = $cookie ? grep { same_cookie($_, $cookie) } @{ $self->{cookies} } : ();
    if ($cookie && !$cookie->{secure} && grep { shadows_secure($_, $cookie, $url) } @{ $self->{cookies} }) {
        ($cookie, $why) = (undef, 'a Secure cookie of this name is there already');
    }
    if (!$cookie) {
        push @{ $self->{refused} }, { text => $text, why => $why };
        return;
    }
    $cookie->{order} = $old ? $old->{order} : ++$self->{made};
    @{ $self->{cookies} } = grep { !same_cookie($_, $cookie) } @{ $self->{cookies} };
    push @{ $self->{cookies} }, $cookie if !defined $cookie->{expires} || $cookie->{expires} > $self->{clock}->();
    return;
}

sub same_cookie ($a, $b) {
    return $a->{name} eq $b->{name} && $a->{domain} eq $b->{domain} && $a->{host_only} == $b->{host_only}
        && $a->{path} eq $b->{path};
}

sub shadows_secure ($old, $new, $url) {
    return $url->{scheme} ne 'https' && $old->{secure} && $old->{name} eq $new->{name}
        && (host_matches($old, $new->{domain}) || host_matches($new, $old->{domain}))
        && path_matches($old->{path}, $new->{path});
}

sub parse ($self, $url, $text) {
    return (undef, 'control character') if $text =~ /[\x00-\x08\x0a-\x1f\x7f]/;
    my ($pair, @attributes) = split /;/, $text;
    my ($name, $value) = ($pair // '') =~ /=/ ? $pair =~ /^([^=]*)=(.*)$/ : ('', $pair // '');
    s/^[ \t]+|[ \t]+$//g for $name, $value;
    return (undef, 'longer than 4096 bytes') if length($name) + length($value) > 4096;
    return (undef, 'empty') if !length($name) && !length $value;
    my %set = map { lc($_->[0]) => $_->[1] } map { [/^\s*([^=]*?)\s*(?:=\s*(.*?)\s*)?$/] } @attributes;
    my %cookie = (
        name => $name, value => $value, secure => exists $set{secure} || 0, httponly => exists $set{httponly} || 0,
        path => ($set{path} // '') =~ m{^/} ? $set{path} : default_path($url->{path}),
        domain => $url->{host}, host_only => 1, samesite => 'lax', samesite_given => lc($set{samesite} // ''),
        session => 1, text => $text,
    );
    $cookie{samesite} = $cookie{samesite_given} if $cookie{samesite_given} =~ /^(?:strict|none)$/;
    my $why = $self->check_domain(\%cookie, $set{domain}, $url) // $self->check_prefix(\%cookie, $url);
    return (undef, $why) if $why;
    my $expires = $self->expiry(\%set);
    @cookie{qw(expires session)} = ($expires, 0) if defined $expires;
    return (\%cookie, undef);
}

sub check_domain ($self, $cookie, $domain, $url) {
    return undef if !length($domain // '');
    $domain = lc $domain =~ s/^\.//r;
    my $address = $url->{host} =~ /^[\d.]+$|:/;
    return undef if $domain eq $url->{host} && ($address || $domain !~ /\./);
    return 'Domain of another host' if $address || $domain ne $url->{host} && $url->{host} !~ /\.\Q$domain\E$/;
    return 'Domain is a public suffix' if $domain !~ /\./;
    @$cookie{qw(domain host_only)} = ($domain, 0);
    return undef;
}

# Section 4.1.3 and 5.7, steps 18 to 23. Names are compared without case, as browsers do.
sub check_prefix ($self, $cookie, $url) {
    my $host   = $cookie->{name} =~ /^__Host-/i;
    my $secure = $host || $cookie->{name} =~ /^__Secure-/i;
    return 'Secure from a plain address' if $cookie->{secure} && !$self->takes_secure($url);
    return 'SameSite=None without Secure' if $cookie->{samesite} eq 'none' && !$cookie->{secure};
    return '__Secure- or __Host- without Secure' if $secure && !$cookie->{secure};
    return '__Host- with Domain' if $host && $cookie->{text} =~ /;\s*domain\s*=/i;
    return '__Host- without Path=/' if $host && !($cookie->{path} eq '/' && $cookie->{text} =~ m{;\s*path\s*=\s*/}i);
    return undef;
}

sub expiry ($self, $set) {
    return $self->{clock}->() + ($set->{'max-age'} > 0 ? $set->{'max-age'} : -1)
        if ($set->{'max-age'} // '') =~ /^-?\d+$/;
    return length($set->{expires} // '') ? HTTP::Date::str2time($set->{expires}) : undef;
}

# The cookies that are there now (expired ones are dropped); with a host, those that it gets.
sub all ($self, $host = undef) {
    my $now = $self->{clock}->();
    @{ $self->{cookies} } = grep { !defined $_->{expires} || $_->{expires} > $now } @{ $self->{cookies} };
    return grep { !defined $host || host_matches($_, $host) } @{ $self->{cookies} };
}

# One cookie by name (exactly, or a pattern), undef if it isn't there.
sub find ($self, $name, $host = undef) {
    my ($found) = grep { ref $name ? $_->{name} =~ $name : $_->{name} eq $name } $self->all($host);
    return $found;
}

# Put a cookie into the jar as it stands (a test forges one). Options: name, value, domain, and any other field.
sub set ($self, %cookie) {
    my $new = {
        path => '/', host_only => 1, secure => 0, httponly => 1, samesite => 'lax', session => 1,
        order => ++$self->{made}, %cookie,
    };
    @{ $self->{cookies} } = grep { !same_cookie($_, $new) } @{ $self->{cookies} };
    push @{ $self->{cookies} }, $new;
    return $self;
}

sub delete ($self, $name) {
    @{ $self->{cookies} } = grep { !(ref $name ? $_->{name} =~ $name : $_->{name} eq $name) } @{ $self->{cookies} };
    return $self;
}

# Close the browser: what has no end of its own is gone.
sub end_session ($self) {
    @{ $self->{cookies} } = grep { !$_->{session} } @{ $self->{cookies} };
    return $self;
}

# What a script of this page could read.
sub for_script ($self, $url) {
    my $parsed  = parse_url($url);
    my %request = (from => $url, url => $url, mode => 'navigate', dest => 'document', method => 'GET');
    return join '; ', map { "$_->{name}=$_->{value}" }
        grep { !$_->{httponly} && $self->goes_with($_, \%request, $parsed) } $self->all;
}

# The Set-Cookie texts that were refused, each {text, why}; a clean test finds none.
sub refused ($self) { return @{ $self->{refused} } }

sub host_matches ($cookie, $host) {
    return 1 if $cookie->{domain} eq $host;
    return !$cookie->{host_only} && $host =~ /\.\Q$cookie->{domain}\E$/;
}

sub path_matches ($cookie_path, $path) {
    return 1 if $cookie_path eq $path;
    return index($path, $cookie_path) == 0 && ($cookie_path =~ m{/$} || substr($path, length $cookie_path, 1) eq '/');
}

sub default_path ($path) { return $path =~ m{^(/.*)/[^/]*$}s ? $1 : '/' }

1;
