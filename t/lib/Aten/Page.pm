package Aten::Page;

# An answer, as the person sees it (text, links, forms) and as it came (status, headers, bytes).

use v5.36;
use Aten::URL qw(resolve);
use Encode ();
use HTML::TokeParser ();
use JSON::PP ();

sub new ($class, $url, $answer, $request) {
    return bless { url => $url, answer => $answer, request => $request, redirects => [] }, $class;
}

sub url     ($self) { return $self->{url} }
sub status  ($self) { return $self->{answer}{status} }
sub reason  ($self) { return $self->{answer}{reason} }
sub body    ($self) { return $self->{answer}{content} // '' }   # bytes
sub request ($self) { return $self->{request} }                 # headers => what was sent (lower-case names)

# Where it led through: a list of {status, from, to, page}.
sub redirects ($self) { return @{ $self->{redirects} } }
sub too_many_redirects ($self) { return $self->{too_many_redirects} // 0 }

# A header's values; the first, or undef.
sub header_all ($self, $name) {
    my $value = $self->{answer}{headers}{ lc $name };
    return ref $value ? @$value : defined $value ? $value : ();
}
sub header ($self, $name) { return ($self->header_all($name))[0] }

# The whole address that a redirect leads to, as a browser reads it.
sub location ($self) {
    my $to = $self->header('location') // return undef;
    return resolve($self->{url}, $to);
}

# The body in characters.
sub html ($self) { return $self->{html} //= Encode::decode('UTF-8', $self->body) }
sub json ($self) { return JSON::PP->new->utf8->decode($self->body) }

# What can be read on the page: no markup, blanks run together.
sub text ($self) {
    my $parser = HTML::TokeParser->new(\$self->html);
    my @words;
    while (my $token = $parser->get_token) {
        $parser->get_tag("/$token->[1]") if $token->[0] eq 'S' && $token->[1] =~ /^(?:script|style|title)$/;
        push @words, HTML::Entities::decode_entities($token->[1]) if $token->[0] eq 'T';
        push @words, ' ' if $token->[0] ne 'T';
    }
    return tidy(join '', @words);
}

sub title ($self) { return $self->text_of('title') }
sub h1    ($self) { return $self->text_of('h1') }

# The text of the first such element; undef if there is none.
sub text_of ($self, $tag) {
    my $parser = HTML::TokeParser->new(\$self->html);
    $parser->get_tag($tag) or return undef;
    return tidy($parser->get_text("/$tag"));
}

sub base ($self) {
    my $parser = HTML::TokeParser->new(\$self->html);
    my $tag    = $parser->get_tag('base');
    return $tag && defined $tag->[1]{href} ? resolve($self->{url}, $tag->[1]{href}) : $self->{url};
}

# All links: {text, href (as written), url (whole), attributes}.
sub links ($self) {
    my $parser = HTML::TokeParser->new(\$self->html);
    my @links;
    while (my $tag = $parser->get_tag('a')) {
        my $href = $tag->[1]{href} // next;
        my $text = tidy($parser->get_text('/a'));
        push @links, { text => $text, href => $href, url => resolve($self->{url}, $href), attributes => $tag->[1] };
    }
    return @links;
}

# The first link with that text (a string: whole, else as a part; a pattern: on text or address).
sub link ($self, $what) {
    my @links = $self->links;
    if (ref $what) {
        my ($found) = grep { $_->{text} =~ $what || $_->{href} =~ $what } @links;
        return $found;
    }
    my ($whole) = grep { $_->{text} eq $what } @links;
    my ($part)  = grep { index($_->{text}, $what) >= 0 } @links;
    return $whole // $part;
}

# All forms: {action, method, id, name, fields => [[name, value or undef if it would not be sent], ...]}.
sub forms ($self) {
    my $parser = HTML::TokeParser->new(\$self->html);
    my (@forms, $form);
    while (my $tag = $parser->get_tag(qw(form /form input select textarea button))) {
        my ($name, $attributes) = @$tag;
        if ($name eq 'form') {
            $form = { %$attributes, method => lc($attributes->{method} // 'get'), fields => [] };
            push @forms, $form;
        }
        undef $form if $name eq '/form';
        add_field($form, $parser, $name, $attributes) if $form;
    }
    return @forms;
}

sub add_field ($form, $parser, $tag, $attributes) {
    return if $tag =~ /form$/;
    my $name = $attributes->{name} // return;
    my $type = lc($attributes->{type} // ($tag eq 'button' ? 'submit' : 'text'));
    my $value = $attributes->{value};
    $value = $parser->get_text('/textarea') if $tag eq 'textarea';
    $value //= 'on' if $type =~ /^(?:checkbox|radio)$/;
    $value = undef if $type =~ /^(?:checkbox|radio)$/ && !exists $attributes->{checked};
    $value = undef if $type =~ /^(?:submit|button|image|reset)$/;
    $value //= '' if $type !~ /^(?:checkbox|radio|submit|button|image|reset)$/;
    push @{ $form->{fields} }, [$name, $value];
    return;
}

# One form: the only one, by number from 0, or by a pattern on id, name or action.
sub form ($self, $which = undef) {
    my @forms = $self->forms;
    return @forms == 1 ? $forms[0] : undef if !defined $which;
    return $forms[$which] if !ref $which;
    my ($found) = grep { join(' ', map { $_ // '' } @$_{qw(id name action)}) =~ $which } @forms;
    return $found;
}

sub tidy ($text) { return $text =~ s/\s+/ /gr =~ s/^ | $//gr }

1;
