# The documentation against the module: the directives and their contexts against httpd's own command table, each
# example and each error text against configtest, the log tags and page titles against the sources.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Aten::Process ();
use Aten::Server ();

binmode $_, ':encoding(UTF-8)' for map { Test::More->builder->$_ } qw(output failure_output todo_output);

# <http_config.h>: where a directive may stand.
my %allowed = (htaccess => 8, directory => 64, server => 128);

my $top      = Aten::Process::top();
my $root     = Aten::Process::temporary_directory('docs');
my $module   = Aten::Server::module_file();
my $examples = 0;

BAIL_OUT("$module is not there: run make first") if !-e $module;
prepare_files();

my $reference = read_text('docs/directives.md');
my %table     = map { $_->{name} => $_ } command_table();
my %section   = sections($reference);

subtest 'every directive has its section, every section its directive' => sub {
    is_deeply [sort keys %section], [sort keys %table], 'the same names';
    for my $name (sort keys %section) {
        my $text = $section{$name};
        like $text, qr/^- \*\*Syntax:\*\* `<?\Q$name\E/m, "$name: syntax";
        like $text, qr/^- \*\*Context:\*\* \S/m, "$name: context";
        like $text, qr/^- \*\*Default:\*\* \S/m, "$name: default";
        ok blocks($text, 'apache'), "$name: an example";
        like join("\n", blocks($text, 'apache')), qr/^\s*<?\Q$name\E\s/m, "$name: ... of itself";
        ok blocks($text, 'apache-error'), "$name: an error";
        ok prose($text) =~ /^\w.{80}/m, "$name: what it does";
    }
};

subtest 'contexts' => sub {
    for my $name (sort keys %section) {
        my ($context) = $section{$name} =~ /^- \*\*Context:\*\* (.*)$/m;
        my $found = join ', ', contexts_of($name);
        is $context =~ s/`//gr, $found, $name;
    }
};

subtest 'no text names a directive that does not exist' => sub {
    for my $file (text_files(), config_files()) {
        my %seen = map { $_ => 1 } read_text($file) =~ /\b(Aten[A-Z]\w+)/g;
        is join(' ', grep { !$table{$_} } sort keys %seen), '', $file;
    }
};

for my $file (text_files()) {
    my $text = read_text($file);
    subtest "examples of $file" => sub {
        passes($_) for blocks($text, 'apache');
        pass 'none' if !blocks($text, 'apache');
    };
}

subtest 'error texts' => sub {
    for my $pair (map { blocks(read_text($_), 'apache-error') } text_files()) {
        my ($config, $message) = $pair =~ /\A(.*\n)\n(\S.*)\n\z/s or die "not a pair:\n$pair";
        my ($status, $output) = configtest($config);
        my $name = $message =~ s/^(.{70}).*/$1.../r;
        ok $status, "refused: $name";
        like $output, message_pattern($message), $name;
    }
};

subtest 'example files' => sub {
    for my $file (config_files()) {
        my $config = read_text($file) =~ s{^LoadModule auth_aten_module .*\n}{}mr;
        passes($config, $file);
        # What stands there to be taken: "#Directive", not "# a comment".
        passes($config =~ s/^(\s*)#(?=<?\/?\w)/$1/gmr, "$file, everything taken") if $config =~ /^\s*#<?\/?\w/m;
    }
};

subtest 'log tags' => sub {
    my ($tags)  = $reference =~ /^## Log tags\n(.*)/ms;
    my %row     = $tags =~ /^\| (AT\d{4}) \| (.*?) \|/gm;
    my %verdict = read_text('src/aten_verdict.h') =~ /X\(\w+,\s*"(AT\d{4})",\s*"(.*?)"\)/g;
    ok scalar(keys %verdict), 'verdicts';
    is $row{$_}, $verdict{$_}, $_ for sort keys %{ { %row, %verdict } };
    unlike $tags, qr/^\| AT\d{4} (?:\|[^|]*){2}\|\s*\|$/m, 'each with what to do';
};

subtest 'page titles' => sub {
    my ($pages)  = $reference =~ /^## What a person sees\n(.*?)^## /ms;
    my $sources  = read_text('src/aten_text.h') =~ s/\\u00a0/\xa0/gr;
    my @titles   = $pages =~ /\*\*(.*?)\*\*/g;
    ok scalar(@titles), 'titles';
    ok index($sources, qq("$_")) >= 0, $_ for @titles;
};

cmp_ok $examples, '>', 30, 'examples were run';
done_testing;

# --- the documents ---

sub read_text ($file) {
    my $text = Aten::Process::slurp("$top/$file");
    utf8::decode($text) or die "$file is not UTF-8";
    length $text or die "$file is not there";
    return $text;
}

sub text_files   () { return ('README', map { s{^\Q$top\E/}{}r } sort glob "$top/docs/*.md") }
sub config_files () {
    return map { s{^\Q$top\E/}{}r } sort map { glob "$top/conf/$_" } '*.load', '*.conf', 'examples/*.conf';
}

# The fenced blocks of a language.
sub blocks ($text, $language) { return $text =~ /^```\Q$language\E\n(.*?)^```$/gms }
sub prose  ($text)            { return $text =~ s/^```.*?^```$//gmsr }

# "### NAME" to the next heading, those that have a syntax line: name => text.
sub sections ($text) {
    my %found;
    while ($text =~ /^### (.+?)\n(.*?)(?=^##|\z)/gms) {
        my ($title, $body) = ($1, $2);
        next if $body !~ /^- \*\*Syntax:/m;
        my ($name) = $title =~ /^<?(\w+)/;
        die "$name has two sections" if $found{$name};
        $found{$name} = $body;
    }
    return %found;
}

# The text as it stands, with FILE:LINE and LINE for a place, and [...] for what this document does not fix.
sub message_pattern ($message) {
    my $pattern = quotemeta $message;
    $pattern =~ s/FILE\\:LINE/\\S+:\\d+/g;
    $pattern =~ s/LINE/\\d+/g;
    $pattern =~ s/\\\[\\\.\\\.\\\.\\\]/.*/g;
    return qr/^$pattern$/m;
}

# --- httpd ---

# `httpd -L` has no directives of shared modules, but mod_perl shows httpd's table to a <Perl> section.
sub command_table () {
    my ($status, $output) = httpd(<<~'END', modules => ['perl']);
        <Perl>
        use Apache2::Module ();
        use Apache2::Command ();
        my $module = Apache2::Module::find_linked_module('mod_auth_aten.c');
        for (my $c = $module->cmds; $c; $c = $c->next) {
            print STDERR join("\t", 'command', $c->name, $c->req_override, $c->errmsg), "\n";
        }
        </Perl>
        END
    my @rows = map { [split /\t/] } grep { /^command\t/ } split /\n/, $output;
    BAIL_OUT("httpd shows no command table (is libapache2-mod-perl2 installed?):\n$output") if !@rows;
    return map { { name => $_->[1] =~ s/^<//r, where => $_->[2], help => $_->[3] } } @rows;
}

# Where a directive may stand: asked by its own example. .htaccess is known from the table alone, for configtest reads
# none.
sub contexts_of ($name) {
    my $example = join "\n", blocks($section{$name}, 'apache');
    my ($lines) = $example =~ /^(\s*<\Q$name\E.*?^\s*<\/\Q$name\E>\n)/ms;
    ($lines) = $example =~ /^(\s*\Q$name\E\s.*\n)/m if !$lines;
    my %place = (
        'server config' => $lines,
        'virtual host'  => "<VirtualHost *:443>\n$lines</VirtualHost>\n",
        'directory'     => "<Directory /srv>\n$lines</Directory>\n",
        '<AtenProfile>' => "<AtenProfile probe>\n$lines</AtenProfile>\n",
    );
    my %fits = map { $_ => may_stand($place{$_}) } keys %place;
    is may_stand("<Location /srv>\n$lines</Location>\n"), $fits{directory}, "$name: directory and location agree";
    $fits{'.htaccess'} = $table{$name}{where} & $allowed{htaccess};
    return grep { $fits{$_} } 'server config', 'virtual host', 'directory', '.htaccess', '<AtenProfile>';
}

sub may_stand ($config) {
    my (undef, $output) = configtest("AtenCASServer https://cas.mon-ent.fr/cas\n$config");
    return $output =~ /not allowed (?:here|in)|cannot occur within|stands inside <|does not belong inside/ ? 0 : 1;
}

sub passes ($config, $name = undef) {
    my $server = $config =~ /^AtenCASServer/m ? '' : "AtenCASServer https://cas.mon-ent.fr/cas\n";
    my ($status, $output) = configtest($server . $config =~ s{^LoadModule auth_aten_module .*\n}{}mr);
    $name //= ($config =~ /^\s*(?!LoadModule|AtenCASServer)(\S.*)$/m)[0] // $config;
    $examples++;
    return ok(!$status, $name) || diag("$config\n$output");
}

# `httpd -t` with the module and what usually stands beside it: (exit status, output).
sub configtest ($config) {
    return httpd($config, modules => [qw(authz_host authz_user alias headers proxy proxy_http rewrite setenvif)]);
}

sub httpd ($config, %option) {
    my $directory = Aten::Server::modules_directory();
    my $file      = "$root/httpd.conf";
    my @modules   = (qw(mpm_event authn_core authz_core), @{ $option{modules} });
    my $load      = join '', map { "LoadModule ${_}_module $directory/mod_$_.so\n" } @modules;
    my $text = <<~"END" . $config =~ s{/etc/apache2/aten\b}{$root/aten}gr;
        ServerRoot "$root"
        ErrorLog error.log
        Listen 127.0.0.1:443
        ServerName localhost
        ${load}LoadModule auth_aten_module $module
        AtenStateDir $root/state
        END
    utf8::encode($text);
    Aten::Process::spew($file, $text);
    local @ENV{qw(TZ LC_ALL)} = ('Europe/Paris', 'C.UTF-8');
    my $program = Aten::Server::program();
    my $output  = `'$program' -t -f '$file' 2>&1`;
    my $status  = $?;
    utf8::decode($output);
    return ($status, $output =~ s{\Q$root\E/aten\b}{/etc/apache2/aten}gr);
}

# What the examples and errors name below /etc/apache2/aten.
sub prepare_files () {
    my $key = 'A' x 42 . "8=\n";
    my $dir = "$root/aten";
    mkdir $dir or die "$dir: $!";
    my %file = (
        'session-keys'   => $key,
        'readable-keys'  => $key,
        'short-key'      => "AAAA\n",
        'same-key-twice' => $key x 2,
        'no-key'         => "# empty\n",
    );
    for my $name (keys %file) {
        Aten::Process::spew("$dir/$name", $file{$name});
        chmod $name eq 'readable-keys' ? 0644 : 0600, "$dir/$name" or die "$name: $!";
    }
    my $said = `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=docs \\
        -keyout '$dir/cas-key.pem' -out '$dir/cas-ca.pem' 2>&1`;
    die "openssl makes no certificate: $said" if $?;
    $said = `openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=docs \\
        -keyout '$dir/service.key' -out '$dir/service.crt' 2>&1`;
    die "openssl makes no certificate: $said" if $?;
    chmod 0600, "$dir/service.key";
    my ($certificate) = Aten::Process::slurp("$dir/service.crt") =~ /-----\n(.*?)-----END/s;
    my @portals = map { portal_metadata($_, $certificate) } qw(portail agents);
    Aten::Process::spew("$dir/portal-metadata.xml", $portals[0]);
    Aten::Process::spew("$dir/several-portals.xml",
        qq(<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">@portals</EntitiesDescriptor>\n));
    return;
}

sub portal_metadata ($host, $certificate) {
    return <<~"END";
        <EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://$host.example/idp">
          <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
            <KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>
              <X509Certificate>$certificate</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
            <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
              Location="https://$host.example/sso"/>
          </IDPSSODescriptor>
        </EntityDescriptor>
        END
}
