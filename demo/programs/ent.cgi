#!/usr/bin/perl
# The protected page: what an application learns from the module about the person, as a table.
use strict;
use warnings;

my %title = (
    '/ent/'         => 'Mon espace',
    '/ent/bientot/' => 'Bientôt fermé par CAS',
    '/ent/ferme/'   => 'Déjà fermé par CAS',
);

sub escape {
    my $text = shift;
    my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;', "'" => '&#39;');
    $text =~ s/([&<>"'])/$entity{$1}/g;
    return $text;
}

my $path  = $ENV{SCRIPT_NAME} // '/ent/';
my $title = $title{$path} // 'Mon espace';
my $name  = join ' ', grep { defined && length } @ENV{qw(ATEN_PRENOM ATEN_NOM)};
$name = $ENV{REMOTE_USER} // 'inconnu' if !length $name;
my $rows = join '', map { '<tr><th scope="row">' . escape($_) . '</th><td>' . escape($ENV{$_}) . "</td></tr>\n" }
    grep { defined $ENV{$_} } qw(REMOTE_USER AUTH_TYPE), sort grep { /^ATEN_/ } keys %ENV;
my $notice = '';
if (defined $ENV{ATEN_CAS_DAYS_LEFT}) {
    my $days = escape($ENV{ATEN_CAS_DAYS_LEFT});
    $notice = "<p class=\"notice\">Dans $days jour(s), vous n’entrerez plus ici par CAS.</p>\n";
}
my ($safe_name, $safe_path) = map { escape($_) } $name, $path;

print <<"END";
Content-Type: text/html; charset=utf-8

<!DOCTYPE html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title - ENT de démonstration</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header><p><a href="/">ENT de démonstration</a></p></header>
<main>
<h1>$title</h1>
$notice<p>Bonjour $safe_name.</p>
<ul>
<li><a href="/ent/">Mon espace</a></li>
<li><a href="/ent/bientot/">Bientôt fermé par CAS</a></li>
<li><a href="/ent/ferme/">Déjà fermé par CAS</a></li>
<li><a href="/aten/login?to=$safe_path&amp;switch=1">Ce n’est pas vous ? Changer de compte</a></li>
<li><a href="/aten/logout">Se déconnecter</a></li>
</ul>
<h2>Ce que le module dit de vous</h2>
<div class="scroll">
<table>
<tr><th scope="col">Variable</th><th scope="col">Valeur</th></tr>
$rows</table>
</div>
</main>
</body>
</html>
END
