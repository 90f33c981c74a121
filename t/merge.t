# Inheritance, in httpd's own order: virtual host over server; directory, .htaccess, files, location, <If>. What holds for
# a path is read off the chooser (announced texts, profiles), which asks httpd for the configuration of the path in `to`,
# and for some paths off a request itself.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Portals ();
use Aten::Test;

need_module();

my $config = <<~'END';
    AtenCASServer @CAS@
    AtenBaseURL @BASE@
    AtenCASCutoff announced "from server" pupils
    AtenHelpLink contact /contact-server "Server contact"
    <AtenProfile eleves>
        AtenLabel "Profil eleves"
        AtenBackend cas
    </AtenProfile>
    <AtenProfile profs>
        AtenLabel "Profil profs"
        AtenBackend cas
    </AtenProfile>
    <Directory "@DOCROOT@/dir">
        AuthType aten
        Require valid-user
        AtenCASCutoff announced "from directory" pupils
        AtenCASCutoff announced "second line" parents
        AtenHelpLink contact /contact-directory "Directory contact"
    </Directory>
    <Directory "@DOCROOT@/dir/deeper">
        AtenCASCutoff off
    </Directory>
    <Files "special.html">
        AtenCASCutoff announced "from files" pupils
    </Files>
    <Location "/dir/located">
        AtenCASCutoff announced "from location" pupils
        AtenProfiles profs eleves
    </Location>
    <If "%{REQUEST_URI} =~ m#/if/#">
        AtenCASCutoff announced "from if" pupils
    </If>
    <Location "/silent">
        AtenCASNotice off
    </Location>
    <Location "/silent/again">
        AtenCASNotice always
    </Location>

    Listen 127.0.0.1:@PORT2@
    <VirtualHost 127.0.0.1:@PORT2@>
        ServerName localhost
        AtenBaseURL http://localhost:@PORT2@
        DocumentRoot htdocs
        AtenCASCutoff announced "from virtual host" parents
    </VirtualHost>
    Listen 127.0.0.1:@PORT3@
    <VirtualHost 127.0.0.1:@PORT3@>
        ServerName localhost
        AtenBaseURL http://localhost:@PORT3@
        DocumentRoot htdocs
        AtenPath /connexion
        AtenHome /accueil/
        AtenPopulation teachers ENTPersonProfils National_3
        <AtenProfile seul>
            AtenLabel "Profil seul"
            AtenBackend closed
        </AtenProfile>
    </VirtualHost>
    Listen 127.0.0.1:@PORT4@
    <VirtualHost 127.0.0.1:@PORT4@>
        ServerName localhost
        AtenBaseURL http://localhost:@PORT4@
        DocumentRoot htdocs
        AtenPortalMetadata @ROOT@/conf/portal.xml
        AtenPortalForceAuthn on
        AtenPortalAuthnContext urn:host
        <AtenProfile portail>
            AtenLabel "Portail"
            AtenBackend aten
        </AtenProfile>
        <Directory "@DOCROOT@/asks">
            AtenPortalAuthnContext urn:directory urn:second
        </Directory>
        <Directory "@DOCROOT@/asks/deeper">
            AtenPortalForceAuthn off
        </Directory>
        <Directory "@DOCROOT@/asks/deeper/none">
            AtenPortalAuthnContext none
        </Directory>
        <Directory "@DOCROOT@/asks/deeper/again">
            AtenPortalForceAuthn on
        </Directory>
        <Files "special.html">
            AtenPortalAuthnContext urn:files
        </Files>
        <Location "/asks/located">
            AtenPortalForceAuthn off
            AtenPortalAuthnContext urn:location
        </Location>
        <If "%{REQUEST_URI} =~ m#/if/#">
            AtenPortalForceAuthn on
            AtenPortalAuthnContext urn:if
        </If>
    </VirtualHost>
    END

my $cas    = Aten::CAS->new;
my $server = Aten::Server->prepare(config => $config, cas => $cas);
$server->file("htdocs/$_/index.html", "page\n") for qw(plain dir dir/ht dir/deeper dir/ht/if dir/located dir/located/if);
$server->file('htdocs/dir/special.html', "page\n");
$server->file("htdocs/asks/$_/index.html", "page\n") for qw(deeper deeper/none deeper/again deeper/if located located/if);
$server->file("htdocs/asks/$_", "page\n") for qw(special.html deeper/special.html located/special.html);
my $portals = Aten::Portals->new;
$portals->metadata_file($server->root . '/conf/portal.xml', ['familles']);
$server->file('htdocs/dir/ht/.htaccess', qq{AtenCASCutoff announced "from htaccess" pupils\nAtenProfiles profs\n});
$server->run;

sub chooser ($to, %option) {
    my $path = $option{path} // '/aten';
    my $port = $option{port} // $server->port;
    return browser()->get("http://localhost:$port$path/login?to=" . Aten::URL::escape($to));
}

my @cases = (
    ['/plain/',              [ 'from server' ],                      'a directory without lines has the server\'s'],
    ['/dir/',                [ 'from directory', 'second line' ],   'a directory\'s lines replace the server\'s, and add up'],
    ['/dir/ht/',             [ 'from htaccess' ],                   '.htaccess replaces the directory\'s'],
    ['/dir/deeper/',         [],                                    'off removes them'],
    ['/dir/special.html',    [ 'from files' ],                      'Files over Directory'],
    ['/dir/located/',        [ 'from location' ],                   'Location over Directory'],
    ['/dir/ht/if/',          [ 'from if' ],                         'If over .htaccess'],
    ['/dir/located/if/',     [ 'from if' ],                         'If over Location'],
    ['/silent/',             [],                                    'a notice switched off'],
    ['/silent/again/',       [ 'from server' ],                      '... and on again further in'],
);
my @texts = ('from server', 'from directory', 'second line', 'from htaccess', 'from files', 'from location', 'from if',
    'from virtual host');

for my $case (@cases) {
    my ($to, $expected, $why) = @$case;
    my $text  = chooser($to)->text;
    my @found = grep { index($text, $_) >= 0 } @texts;
    is_deeply [ sort @found ], [ sort @$expected ], "$to: $why";
}

is_deeply [ map { chooser('/plain/')->link($_) ? 1 : 0 } qr/Profil eleves/, qr/Profil profs/ ], [ 1, 1 ],
    'all profiles where AtenProfiles says nothing';
ok !chooser('/dir/ht/')->link(qr/Profil eleves/), 'AtenProfiles in .htaccess leaves one';
like chooser('/dir/located/')->text, qr/Profil profs.*Profil eleves/, 'AtenProfiles gives the order';

like chooser('/dir/')->text,   qr/Directory contact/, 'help links: the inner one of a kind';
unlike chooser('/dir/')->text, qr/Server contact/,    '... instead of the outer one';
like chooser('/plain/')->text, qr/Server contact/,    '... which holds elsewhere';

my ($port2, $port3) = map { $server->var($_) } qw(PORT2 PORT3);
like chooser('/plain/', port => $port2)->text, qr/from virtual host/, 'virtual host over server';
unlike chooser('/plain/', port => $port2)->text, qr/from server/, '... replaces its lines';
like chooser('/dir/', port => $port2)->text, qr/from directory/, 'the server\'s directories hold in virtual hosts';
like chooser('/plain/', port => $port3, path => '/connexion')->text, qr/Profil seul/,
    'profiles of a virtual host replace the server\'s';
unlike chooser('/plain/', port => $port3, path => '/connexion')->text, qr/Profil profs/, '... all of them';
is browser()->get("http://localhost:$port3/aten/login")->status, 404, 'AtenPath of a virtual host replaces /aten';

# What a path asks the portal for is read off the request that a login for it makes.
sub asks ($to) {
    my $page = browser()->get('http://localhost:' . $server->var('PORT4') . '/aten/login?profile=portail&to=' . Aten::URL::escape($to),
        until => $portals->stop);
    my $request = $portals->request_of($page) // return 'nothing: ' . $page->status;
    return join ' ', $request->{text} =~ /ForceAuthn="(?:true|1)"/ ? 'anew' : (),
        $request->{text} =~ m{<(?:\w+:)?AuthnContextClassRef>([^<]*)<}g;
}

my @asks = (
    ['/',                          'anew urn:host',                 'a virtual host without a section'],
    ['/none',                      'anew urn:host',                 '... nor a file'],
    ['/asks/',                     'anew urn:directory urn:second', 'a directory replaces the ways, and inherits the rest'],
    ['/asks/deeper/',              'urn:directory urn:second',      'off further in'],
    ['/asks/deeper/none/',         '',                              'none takes an outer line back'],
    ['/asks/deeper/again/',        'anew urn:directory urn:second', 'on again'],
    ['/asks/special.html',         'anew urn:files',                'Files over Directory'],
    ['/asks/deeper/special.html',  'urn:files',                     '... for one of the two alone'],
    ['/asks/located/',             'urn:location',                  'Location over Directory'],
    ['/asks/located/special.html', 'urn:location',                  '... and over Files'],
    ['/asks/located/if/',          'anew urn:if',                   'If over Location'],
    ['/asks/deeper/if/',           'anew urn:if',                   'If over Directory'],
);
is asks($_->[0]), $_->[1], "$_->[0]: $_->[2]" for @asks;

# A request itself, with the configuration that httpd hands to the hooks.
my $direct = browser();
$direct->get($server->url('/dir/ht/'));
like $direct->page->url, qr{^\Q@{[ $cas->url ]}\E/login|/aten/login}, 'a protected directory asks to log in';
my $parent = login($server, 'prof', to => '/dir/', profile => qr/Profil profs/);
is $parent->page->status, 200, 'logged in by the profile profs';
is $parent->get($server->url('/dir/ht/'))->status, 200, 'in where .htaccess names this profile';
my $pupil = login($server, 'eleve', to => '/dir/', profile => qr/Profil eleves/);
is $pupil->page->status, 200, 'logged in by the profile eleves';
is $pupil->get($server->url('/dir/ht/'))->status, 403, '403 where .htaccess names another one';

# .htaccess that names what does not exist: 500 and one line.
$server->file('htdocs/dir/bad/index.html', "page\n");
$server->file('htdocs/dir/bad/.htaccess', "AtenProfiles nobody\n");
is $pupil->get($server->url('/dir/bad/'))->status, 500, 'an unknown profile in .htaccess';
$server->file('htdocs/dir/bad/.htaccess', "AtenCASCutoff 2017-03-01 nobody\n");
is $pupil->get($server->url('/dir/bad/'))->status, 500, 'an unknown population in .htaccess';
$server->file('htdocs/dir/bad/.htaccess', "AtenCASCutoff 01/03/2017 pupils\n");
is $pupil->get($server->url('/dir/bad/'))->status, 500, 'a date of the wrong form in .htaccess';

$server->clean_log_ok(qr/AT0109: .*AtenProfiles: 'nobody' is no profile/,
    qr/AT0109: .*AtenCASCutoff: 'nobody' is no population/, qr/AtenCASCutoff: '01\/03\/2017' is not a date/);
done_testing;
