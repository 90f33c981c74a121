package Aten::IdP;

# A portal as it really is: Debian's simplesamlphp as SAML 2.0 identity provider, run by PHP's own server, for one test.
# One process with two entities, each at a host name of its own: `families` (people with FrEduVecteur, or with
# EduConnect's attributes) and `agents` (school staff). Everything that it reads or writes is in a directory of its run.

use v5.36;
use parent 'Aten::Process';
use Aten::Server ();
use Aten::TLS ();
use Aten::URL ();
use File::Basename ();
use HTTP::Tiny ();
use JSON::PP ();

my $json = JSON::PP->new->utf8->canonical->pretty;

my %host = (families => 'familles.localhost', agents => 'agents.localhost');

my %default = (
    sign_response => 1, sign_assertion => 1, encrypt => 0, encrypt_name_id => 0,
    algorithm => 'rsa-sha256', lifetime => 300, name_id => 'transient', name_format => 'basic', authn_context => '',
    refuse => '', logout => 'redirect', logout_type => 'traditional', sign_logout => 1,
);

my %bindings = (redirect => ['Redirect'], post => ['POST'], both => [qw(Redirect POST)], none => []);

sub available () { return -d '/usr/share/simplesamlphp/www' && -x '/usr/bin/php' }

# Start one on a free port, wait until it answers. Options: port => N, env => {...}, families => {...} and
# agents => {...}: options of that entity (see ->set_option); entities => {name => host}, others than those two, each
# with accounts of its own by ->set_account.
sub new ($class, %option) {
    my $self = bless {
        entities => {%host}, %option, state => Aten::Process::temporary_directory('idp'), services => {},
    }, $class;
    $self->{port} //= Aten::Process::free_port();
    $self->{accounts} = $json->decode(Aten::Process::slurp(source() . '/accounts.json'));
    $self->make_state;
    for my $name (keys %{ $self->{entities} }) {
        my $host = $self->{entities}{$name};
        $self->{entity}{$name} = {
            host => $host, entity_id => "http://$host:$self->{port}/saml2/idp/metadata.php", keys => [], signs => 0,
            options => { %default, %{ $option{$name} // {} } },
        };
        $self->{accounts}{$name} //= {};
        $self->add_key($name);
    }
    return $self->run;
}

sub source () { return Aten::Process::top() . '/t/simplesaml' }

# The PHP files are copied: the checkout may be where the server's user cannot read.
sub make_state ($self) {
    my $state = $self->{state};
    for my $directory (qw(config metadata keys data log tmp sessions)) {
        mkdir "$state/$directory" or die "$state/$directory: $!";
    }
    my $source = source();
    for my $file (glob "$source/*.php $source/config/*.php $source/metadata/*.php") {
        Aten::Process::spew($state . substr($file, length $source), Aten::Process::slurp($file));
    }
    my ($user) = Aten::Server::unprivileged();
    chown +(getpwnam $user)[2, 3], map { "$state/$_" } qw(data log tmp sessions) if defined $user;
    $self->{salt} = join '', map { sprintf '%08x', rand 2**32 } 1 .. 4;
    return;
}

# Under the user that httpd's children have. The signal at our death is set again: a change of user takes it away.
sub as_user (@command) {
    my ($user, $group) = Aten::Server::unprivileged();
    my @change = defined $user ? ("--reuid=$user", "--regid=$group", '--init-groups', '--pdeathsig=TERM') : ();
    return @change ? ('setpriv', @change, '--', @command) : @command;
}

sub environment ($self) {
    return { SIMPLESAMLPHP_CONFIG_DIR => "$self->{state}/config", http_proxy => undef, https_proxy => undef,
        PHP_CLI_SERVER_WORKERS => undef, %{ $self->{env} // {} } };
}

# Start the server program; again after ->stop: same port, same keys, same sessions of its own.
sub run ($self) {
    my $state = $self->{state};
    $self->write_state;
    $self->launch(
        name => 'portal (simplesamlphp)', output => "$state/output", env => $self->environment,
        command => [as_user(
            qw(php -d display_errors=0 -d log_errors=1 -d date.timezone=UTC -d), "sys_temp_dir=$state/tmp",
            '-S', "127.0.0.1:$self->{port}", '-t', '/usr/share/simplesamlphp/www', "$state/router.php",
        )],
    );
    $self->wait_for(sub { Aten::Process::listening($self->{port}) });
    $self->entity_metadata($_) for sort keys %{ $self->{entity} };
    return $self;
}

sub restart ($self) {
    $self->stop;
    return $self->run;
}

# --- what it is told ---

# The program reads this anew for each request. Whole or not at all.
sub write_state ($self) {
    my $file = "$self->{state}/state.json";
    my %entities = map { $_ => for_php($self->{entity}{$_}) } keys %{ $self->{entity} };
    Aten::Process::spew("$file.new", $json->encode({
        salt => $self->{salt}, entities => \%entities, accounts => $self->{accounts}, services => $self->{services},
    }));
    rename "$file.new", $file or die "rename: $!";
    return $self;
}

sub for_php ($entity) {
    my $option = $entity->{options};
    my $logout = $bindings{ $option->{logout} } // die "no bindings '$option->{logout}'";
    return { %$entity, options => { %$option, logout => $logout } };
}

# Options of an entity, effective at once: sign_response, sign_assertion, encrypt (the assertion: AES-128-CBC, its key
# by RSA-OAEP; simplesamlphp has no other way to a service's key), encrypt_name_id, algorithm (rsa-sha256, rsa-sha384,
# rsa-sha512, rsa-sha1), lifetime (seconds), name_id (transient, persistent), name_format (basic, uri), authn_context
# (a URI; '' leaves it to simplesamlphp: a password), refuse (a message: the portal says that it did not log the person
# in). It encrypts for the first encryption key of the service's metadata. Of logouts: logout (bindings of its single
# logout service in its metadata: redirect, post, both, none), logout_type (traditional: from service to service by
# redirects; iframe: a page that asks them all), sign_logout. What a service says of a logout must be signed.
sub set_option ($self, $name, %option) {
    for my $what (keys %option) {
        die "no option $what" if !exists $default{$what};
        $self->{entity}{$name}{options}{$what} = $option{$what};
    }
    return $self->write_state;
}

# All options as they were at first.
sub reset_options ($self, @names) {
    for my $name (@names ? @names : keys %{ $self->{entity} }) {
        $self->{entity}{$name}{options} = { %default, %{ $self->{$name} // {} } };
    }
    return $self->write_state;
}

# A key more for an entity; its metadata has the certificates of all (two at most). It signs when ->sign_with says so.
# Option days => how long its certificate is good; -1: it ended yesterday.
sub add_key ($self, $name, %option) {
    my $entity = $self->{entity}{$name};
    die 'simplesamlphp has two keys of an entity at most' if @{ $entity->{keys} } == 2;
    my $key  = $name . ++$entity->{made};
    my $file = "$self->{state}/keys/$key";
    make_key($file, %option);
    my ($user) = Aten::Server::unprivileged();
    chown +(getpwnam $user)[2, 3], "$file.key" if defined $user;
    push @{ $entity->{keys} }, $key;
    return $self->write_state;
}

# An RSA key and a certificate that says its name: FILE.key and FILE.pem. What a service needs too.
sub make_key ($file, %option) {
    my @subject = ('-subj', '/CN=' . File::Basename::basename($file));
    Aten::TLS::openssl(qw(req -newkey rsa:2048 -nodes -sha256 -keyout), "$file.key", '-out', "$file.csr", @subject);
    Aten::TLS::openssl(qw(x509 -req -sha256 -in), "$file.csr", '-signkey', "$file.key", '-days', $option{days} // 3650,
        '-out', "$file.pem");
    chmod 0600, "$file.key";
    return ("$file.key", "$file.pem");
}

# The key by number, in the order in which they were added and are still there.
sub sign_with ($self, $name, $number) {
    $self->{entity}{$name}{signs} = $number;
    return $self->write_state;
}

# The end of a roll-over: only the key that signs is left.
sub drop_other_key ($self, $name) {
    my $entity = $self->{entity}{$name};
    @$entity{qw(keys signs)} = ([$entity->{keys}[$entity->{signs}]], 0);
    return $self->write_state;
}

# Tell it a service: the text of its metadata, or the address of the page. Read by simplesamlphp's own parser. Returns
# the service's entityID. Option logout => 'redirect', 'post', 'both', 'none': which of the service's addresses for
# logouts it knows.
sub trust ($self, $metadata, %option) {
    my $service = $self->read_service($metadata =~ /^https?:/ ? fetch($metadata) : $metadata);
    $self->{services}{ $service->{entityid} } = $service;
    if ($option{logout}) {
        my %kept = map { $_ => 1 } @{ $bindings{ $option{logout} } // die "no bindings '$option{logout}'" };
        my $logout = $service->{SingleLogoutService} // [];
        $service->{SingleLogoutService} = [grep { $kept{ $_->{Binding} =~ s/.*HTTP-//r } } @$logout];
    }
    $self->write_state;
    return $service->{entityid};
}

# A service that is not ours, in the portal's session once somebody has been at its unsolicited_url: asked to end its
# session it `agrees`, `refuses`, is `silent` (the browser stays there), or cannot be asked: `mute`. Returns its
# entityID.
sub other_service ($self, $kind, $name = 'families') {
    my $entity_id = "urn:test:$kind";
    my $at        = "http://autre.localhost:$self->{port}";
    my $back      = Aten::URL::escape($self->url($name, '/saml2/idp/SingleLogoutService.php'));
    my $binding   = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-';
    my $logout    = { Binding => "${binding}Redirect", Location => "$at/$kind?portal=$back" };
    $self->{services}{$entity_id} = {
        entityid => $entity_id, 'validate.logout' => JSON::PP::false,
        AssertionConsumerService => [{ Binding => "${binding}POST", Location => "$at/acs", index => 0 }],
        SingleLogoutService => $kind eq 'mute' ? [] : [$logout],
    };
    $self->write_state;
    return $entity_id;
}

sub distrust ($self, $entity_id) {
    delete $self->{services}{$entity_id};
    return $self->write_state;
}

# What simplesamlphp's parser makes of a service's metadata.
sub read_service ($self, $text) {
    my $file = Aten::Process::spew("$self->{state}/service.xml", $text);
    local %ENV = (%ENV, SIMPLESAMLPHP_CONFIG_DIR => "$self->{state}/config");
    open my $out, '-|', 'sh', '-c', 'exec "$@" <"$0" 2>&1', $file, as_user('php', "$self->{state}/service.php")
        or die "php: $!";
    my $said = do { local $/; <$out> };
    close $out or die "simplesamlphp cannot read the service's metadata: $said\n";
    return $json->decode($said);
}

sub fetch ($url) {
    my $answer = HTTP::Tiny->new(timeout => 10, no_proxy => ['*'], verify_SSL => 0)->get($url);
    die "$url: $answer->{status} $answer->{content}\n" if !$answer->{success};
    return $answer->{content};
}

# The accounts of an entity: {name => {password, who, attributes}}.
sub accounts ($self, $name = 'families') { return $self->{accounts}{$name} }

# Add or replace one, at once: $idp->set_account('x', { FrEduVecteur => '4|||1|0340039X' }).
sub set_account ($self, $account, $attributes, %option) {
    $self->{accounts}{ $option{entity} // 'families' }{$account} =
        { password => $option{password} // 'demo', attributes => $attributes };
    return $self->write_state;
}

# The entity that has an account of that name.
sub entity_of ($self, $account) {
    my ($found) = grep { exists $self->{accounts}{$_}{$account} } sort { $b cmp $a } keys %{ $self->{accounts} };
    return $found // die "no account $account";
}

# --- what it is asked ---

sub port      ($self) { return $self->{port} }
sub entity_id ($self, $name = 'families') { return $self->{entity}{$name}{entity_id} }

# The address of a page of that entity; alone, its base.
sub url ($self, $name = 'families', $path = '') { return "http://$self->{entity}{$name}{host}:$self->{port}$path" }

# The page by which a login begins at the portal itself.
sub unsolicited_url ($self, $service, $name = 'families', %more) {
    my $query = join '&', map { "$_=" . Aten::URL::escape($more{$_}) } sort keys %more;
    my $path  = '/saml2/idp/SSOService.php?spentityid=' . Aten::URL::escape($service);
    return $self->url($name, length $query ? "$path&$query" : $path);
}

# The page by which a logout begins at the portal itself; it ends on ->logged_out_url.
sub logout_url ($self, $name = 'families') {
    return $self->url($name, '/saml2/idp/initSLO.php?RelayState=' . Aten::URL::escape($self->logged_out_url($name)));
}
sub logged_out_url ($self, $name = 'families') { return $self->url($name, '/logout.php') }

sub ask ($self, $name, $path) {
    return HTTP::Tiny->new(timeout => 10, no_proxy => ['*'])->get($self->url($name, $path), { peer => '127.0.0.1' });
}

# The entity's own metadata page: one EntityDescriptor.
sub entity_metadata ($self, $name = 'families') {
    my $answer = $self->ask($name, '/saml2/idp/metadata.php');
    die "the portal's metadata: $answer->{status}\n$answer->{content}" if !$answer->{success};
    return $answer->{content} =~ s/^<\?xml[^>]*>\s*//r;
}

# One document with the entities that are named, all of them without names. Options: valid_until => an xs:dateTime,
# edit => sub ($text) {...}: what it returns stands there instead.
sub metadata ($self, $names = [], %option) {
    my @names = @$names ? @$names : reverse sort keys %{ $self->{entity} };
    my $until = $option{valid_until} ? qq( validUntil="$option{valid_until}") : '';
    my $edit  = $option{edit} // sub ($text) { $text };
    return qq(<?xml version="1.0"?>\n<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"$until>\n)
        . join('', map { $edit->($self->entity_metadata($_)) } @names) . "</md:EntitiesDescriptor>\n";
}

# The same as a file that httpd reads; again, it is replaced by what holds now.
sub metadata_file ($self, $names = [], %option) {
    my $file = $option{file} // "$self->{state}/metadata.xml";
    return write_file($file, $self->metadata($names, %option));
}

# Put a text where httpd reads it, whole or not at all.
sub write_file ($file, $text) {
    Aten::Process::spew("$file.new", $text);
    chmod 0644, "$file.new";
    rename "$file.new", $file or die "rename: $!";
    return $file;
}

# What simplesamlphp logged, messages and all. What PHP's server said is ->output_text.
sub log ($self) { return Aten::Process::slurp("$self->{state}/log/simplesamlphp.log") }

# --- what a person does there ---

# Is the browser on its login form; on the page that sends itself to the service?
sub asks    ($self, $browser) { return $self->is_here($browser) && $browser->page->html =~ /name="password"/ }
sub answers ($self, $browser) { return $self->is_here($browser) && !!answer_form($browser->page) }
sub is_here ($self, $browser) { return ($browser->url // '') =~ m{^http://[a-z.-]+:$self->{port}/} }

sub answer_form ($page) {
    my ($form) = grep { grep { $_->[0] eq 'SAMLResponse' } @{ $_->{fields} } } $page->forms;
    return $form;
}

# Fill in the form. The page after it is the one that sends itself.
sub enter ($self, $browser, $account, %option) {
    my $password = $option{password} // $self->{accounts}{ $self->entity_of($account) }{$account}{password};
    return $browser->submit({ username => $account, password => $password }, form => form_with($browser, 'password'));
}

# The number of the form of the page that has such a field.
sub form_with ($browser, $field) {
    my @forms = $browser->page->forms;
    my ($number) = grep { grep { $_->[0] eq $field } @{ $forms[$_]{fields} } } 0 .. $#forms;
    return $number // die "no form with $field: " . $browser->url . "\n" . $browser->page->text;
}

# The fields of the answer on the page that sends itself: {action, SAMLResponse, RelayState}.
sub answer ($self, $browser) {
    my $page = $browser->page;
    my $form = answer_form($page) // die 'no answer of the portal: ' . $page->url . "\n" . $page->text;
    return { action => $form->{action}, map { $_->[0] => $_->[1] } grep { defined $_->[1] } @{ $form->{fields} } };
}

# Send it, as the page's script does. Options: those of Aten::Browser's ->submit.
sub send_answer ($self, $browser, %option) {
    return $browser->submit({}, form => form_with($browser, 'SAMLResponse'), %option);
}

# Everything that a person does here until the browser is elsewhere: name and password where they are asked for, and the
# page that sends itself. Returns how many answers were sent: two where the first was not taken.
sub pass ($self, $browser, $account, %option) {
    my $sent = 0;
    for (1 .. 10) {
        if    ($self->answers($browser)) { $self->send_answer($browser); $sent++ }
        elsif ($self->asks($browser))    { $self->enter($browser, $account, %option) }
        else                             { last }
    }
    return $sent;
}

1;
