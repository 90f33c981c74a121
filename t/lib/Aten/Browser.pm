package Aten::Browser;

# A client that behaves as a browser does where it matters to a login: the cookie jar (Aten::Jar), what a cross-site
# request may carry, the Sec-Fetch-* headers, how an odd address is read (Aten::URL), redirects one by one, links and
# forms of a page (Aten::Page). No script is run and no image is loaded.

use v5.36;
use Aten::Jar ();
use Aten::Page ();
use Aten::URL qw(form_encode parse_url resolve trustworthy);
use HTTP::Tiny ();

my %dest_accept = (
    document => 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    iframe   => 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    image    => 'image/avif,image/webp,*/*',
    empty    => '*/*',
);

# Options: lang => the Accept-Language header (default: fr), ca => file of the authority to trust for https,
# resolve => {host => address}, address of hosts that aren't listed: see address_of; headers => {...} with every request,
# secure_loopback => 1: http://localhost takes Secure cookies (Chrome and Firefox do, Safari doesn't),
# timeout => seconds, keep_alive => 0.
sub new ($class, %option) {
    my $self = bless {
        lang => 'fr-FR,fr;q=0.9', timeout => 20, keep_alive => 1, headers => {}, resolve => {}, max_redirects => 20,
        %option,
    }, $class;
    $self->{jar} //= Aten::Jar->new(map { $_ => $option{$_} } grep { exists $option{$_} } qw(clock secure_loopback));
    $self->{http} = $self->make_client;
    return $self;
}

sub make_client ($self) {
    return HTTP::Tiny->new(
        agent      => 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
        timeout    => $self->{timeout}, keep_alive => $self->{keep_alive}, max_redirect => 0, verify_SSL => 1,
        no_proxy   => ['*'], proxy => undef, http_proxy => undef, https_proxy => undef,
        $self->{ca} ? (SSL_options => { SSL_ca_file => $self->{ca} }) : (),
    );
}

# Another tab of the same browser: the cookies are shared, the page is its own.
sub tab ($self) {
    my $tab = bless { %$self, page => undef }, ref $self;
    $tab->{http} = $tab->make_client;
    return $tab;
}

# Close the browser: cookies without an end of their own are gone.
sub close ($self) {
    $self->{jar}->end_session;
    $self->{page} = undef;
    $self->{http} = $self->make_client;
    return $self;
}

sub jar ($self) { return $self->{jar} }

# The page that stands in the tab.
sub page ($self) { return $self->{page} }
sub url  ($self) { return $self->{page} ? $self->{page}->url : undef }

# --- what a person does ---

# Options of all of these: headers => {...}, follow => 0 (don't follow redirects), until => sub ($address) {...} (stop
# before asking for an address for which it is true: the page is then the redirect, with ->location),
# from => the address of the page on which the request begins, undef for none.

# Type an address, or use a bookmark (from => a page: a link there).
sub get ($self, $url, %option) {
    return $self->navigate(method => 'GET', url => $url, %option);
}

sub head ($self, $url, %option) { return $self->navigate(method => 'HEAD', url => $url, %option) }

# Click on a link of the page, by its text (string: the whole text; pattern) or by its address (a pattern on href).
sub click ($self, $what, %option) {
    my $link = $self->{page}->link($what) // die "no link " . $what . " on " . $self->url . "\n" . $self->{page}->text;
    return $self->navigate(method => 'GET', url => $link->{href}, base => $self->{page}->base, from => $self->url, %option);
}

# Send a form that stands nowhere: a page of FROM posts it.
sub post_form ($self, $url, $fields, %option) {
    return $self->navigate(method => 'POST', url => $url, body => form_encode($fields),
        type => 'application/x-www-form-urlencoded', from => $self->url, %option);
}

# Fill in a form of the page and send it. FIELDS go over the values that it has. Option form => number or pattern on id,
# name or action; the default is the page's only form.
sub submit ($self, $fields = {}, %option) {
    my $page   = $self->{page};
    my $form   = $page->form($option{form}) // die 'no such form on ' . $self->url . "\n" . $page->text;
    my %rest   = %$fields;
    my @fields = map { [$_->[0], exists $rest{ $_->[0] } ? delete $rest{ $_->[0] } : $_->[1]] } @{ $form->{fields} };
    die 'the form has no field ' . join(', ', sort keys %rest) if %rest;
    my $encoded = form_encode([map { @$_ } grep { defined $_->[1] } @fields]);
    my $action  = resolve($page->base, $form->{action} // '') // die "bad action of a form: $form->{action}";
    if ($form->{method} eq 'post') {
        return $self->navigate(method => 'POST', url => $action, body => $encoded,
            type => 'application/x-www-form-urlencoded', from => $self->url, %option);
    }
    return $self->navigate(method => 'GET', url => $action =~ s/[?#].*//r . "?$encoded", from => $self->url, %option);
}

# The same page again (F5). A page that came by POST is posted again.
sub reload ($self, %option) {
    my $request = $self->{page}->request;
    return $self->navigate(%{ $request->{what} }, url => $self->url, %option);
}

# What a script of the page (or of FROM) does. Options: method, headers, body, credentials => 'omit'|'include',
# mode => 'cors'|'no-cors'|'same-origin', dest => 'empty'|'image'|'iframe'. The page of the tab stays as it is.
sub fetch ($self, $url, %option) {
    my $dest = $option{dest} // 'empty';
    my $mode = $option{mode} // ($dest eq 'iframe' ? 'navigate' : $dest eq 'image' ? 'no-cors' : 'cors');
    return $self->travel(method => 'GET', from => $self->url, %option, url => $url, dest => $dest, mode => $mode);
}

# --- one navigation ---

sub navigate ($self, %option) {
    my $page = $self->travel(dest => 'document', mode => 'navigate', %option);
    $self->{page} = $page;
    return $page;
}

# Follow the redirects of one request to its end.
sub travel ($self, %what) {
    my $url = resolve($what{base} // $what{from} // 'about:blank', $what{url}) // die "not an address: $what{url}";
    my %request = (%what, url => $url, chain_site => 'none');
    my @hops;
    while (1) {
        my $page = $self->ask(\%request);
        $page->{redirects} = [@hops];
        my $location = $page->location;
        return $page if !defined $location || $page->status !~ /^30[12378]$/ || exists $what{follow} && !$what{follow};
        return $page if $what{until} && $what{until}->($location);
        push @hops, { status => $page->status, from => $request{url}, to => $location, page => $page };
        if (@hops > $self->{max_redirects}) {
            $page->{too_many_redirects} = 1;
            return $page;
        }
        redirect(\%request, $page->status, $location);
    }
}

# Fetch standard, HTTP-redirect fetch: a POST becomes a GET by 301 and 302, everything but HEAD by 303. The fragment
# of the old address goes on.
sub redirect ($request, $status, $location) {
    my ($fragment) = $request->{url} =~ /(#.*)/s;
    $location .= $fragment if defined $fragment && $location !~ /#/;
    $request->{url} = $location;
    my $method = $request->{method};
    if ($status == 303 ? $method !~ /^(?:GET|HEAD)$/ : $status =~ /^30[12]$/ && $method eq 'POST') {
        $request->{method} = 'GET';
        delete @$request{qw(body type)};
    }
    return;
}

# One request, one answer. Keeps the cookies that the answer brings.
sub ask ($self, $request) {
    my $url     = parse_url($request->{url});
    my $site    = $self->fetch_site($request);
    my %headers = (
        %{ $self->{headers} },
        'accept' => $dest_accept{ $request->{dest} } // '*/*', 'accept-language' => $self->{lang},
        'sec-fetch-mode' => $request->{mode}, 'sec-fetch-dest' => $request->{dest}, 'sec-fetch-site' => $site,
    );
    $headers{'sec-fetch-user'} = '?1' if $request->{mode} eq 'navigate' && $request->{dest} eq 'document';
    $headers{'upgrade-insecure-requests'} = 1 if $request->{mode} eq 'navigate';
    $headers{'content-type'} = $request->{type} if defined $request->{type};
    add_origin($request, \%headers);
    # Fetch metadata is sent to trustworthy addresses only: https, and loopback.
    delete @headers{ grep { /^sec-fetch/ } keys %headers } if !trustworthy($url);
    my $cookie = $self->{jar}->header($request);
    $headers{cookie} = $cookie if length $cookie;
    %headers = (%headers, map { lc($_) => $request->{headers}{$_} } keys %{ $request->{headers} // {} });
    delete @headers{ grep { !defined $headers{$_} } keys %headers };

    my $answer = $self->send($request->{method}, $url, \%headers, $request->{body});
    my %what   = map { $_ => $request->{$_} } grep { defined $request->{$_} } qw(method body type from mode dest);
    my $page   = Aten::Page->new($request->{url}, $answer, { headers => \%headers, what => \%what });
    $self->{jar}->take($request, $_) for $page->header_all('set-cookie');
    return $page;
}

sub send ($self, $method, $url, $headers, $body) {
    my $address = $self->address_of($url->{host})
        // return { status => 599, reason => 'no such host', headers => {}, content => "$url->{host} is not of this test" };
    my $bare = "$url->{scheme}://$url->{authority}$url->{path_query}";
    return $self->{http}->request($method, $bare, {
        headers => $headers, peer => $address, defined $body ? (content => $body) : (),
    });
}

# No name is asked of the network: names for tests are this machine, others don't exist.
sub address_of ($self, $host) {
    return $self->{resolve}{$host} if $self->{resolve}{$host};
    return $host =~ s/^\[|\]$//gr if $host =~ /^127\.|^\[::1\]$/;
    return $host =~ /(?:^|\.)(?:localhost|test|example)$/ ? '127.0.0.1' : undef;
}

# Fetch standard, Origin: with POST and with scripts' cross-origin requests.
sub add_origin ($request, $headers) {
    return if !defined $request->{from};
    my $from    = parse_url($request->{from}) // return;
    my $foreign = $from->{origin} ne parse_url($request->{url})->{origin};
    $headers->{referer} = $foreign ? "$from->{origin}/" : $request->{from} =~ s/#.*//sr;
    my $script = $request->{mode} eq 'cors' && $foreign;
    $headers->{origin} = $from->{origin} if $script || $request->{method} !~ /^(?:GET|HEAD)$/;
    return;
}

# Fetch metadata: the relation to the page where it began, and to every address on the way.
sub fetch_site ($self, $request) {
    return 'none' if !defined $request->{from};
    my $from = parse_url($request->{from});
    my $to   = parse_url($request->{url});
    my @rank = qw(none same-origin same-site cross-site);
    my %rank = map { $rank[$_] => $_ } 0 .. $#rank;
    my $now  = !$from ? 'cross-site' : $from->{origin} eq $to->{origin} ? 'same-origin'
        : $from->{site} eq $to->{site} ? 'same-site' : 'cross-site';
    $request->{chain_site} = $now if $rank{$now} > $rank{ $request->{chain_site} };
    return $request->{chain_site};
}

1;
