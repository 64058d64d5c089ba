# Reads messages with Email::MIME, each behind a line with its length, and prints what they say, one field a line, in
# hexadecimal.
use strict;
use warnings;
use Email::Address::XS qw(parse_email_groups);
use Email::MIME;
use Encode qw(decode encode);
use MIME::QuotedPrint qw(decode_qp);

binmode STDIN;
binmode STDOUT;

sub show { print unpack("H*", $_[0]), "\n" }
sub show_text { show(encode("UTF-8", $_[0] // "")) }

# The value of a field, unfolded, as UTF-8 or ASCII says it.
sub unfolded { return decode("UTF-8", $_[0] // "") }

# The same for people: encoded words are decoded.
sub text { return decode("MIME-Header", unfolded($_[0])) }

# A phrase, which is quoted, encoded, or words.
sub phrase {
    my ($value) = @_;
    $value =~ s/^[ \t]+|[ \t]+$//g;
    return decode("MIME-Header", $value) unless $value =~ /^"/;
    return substr($value, 1, -1) =~ s/\\(.)/$1/gr;
}

sub show_address {
    my ($address) = @_;
    show_text(decode("MIME-Header", $address->phrase // ""));
    show_text($address->user);
    show_text($address->host);
}

sub show_headers {
    my ($message) = @_;
    show_text(text($message->header_raw("Subject")));
    for my $field (qw(From Sender Reply-To To Cc Resent-From Resent-Sender Resent-To Resent-Cc)) {
        for my $value ($message->header_raw($field)) {
            show($field);
            my @groups = parse_email_groups(unfolded($value));
            while (my ($name, $addresses) = splice(@groups, 0, 2)) {
                if (defined $name) {
                    show("group");
                    show_text(decode("MIME-Header", $name));
                }
                show_address($_) for @$addresses;
                show("end") if defined $name;
            }
        }
    }
    for my $field (qw(Resent-Message-ID In-Reply-To References)) {
        for my $value ($message->header_raw($field)) {
            show($field);
            show($_) for split " ", $value;
        }
    }
    show_text(text($_)) for $message->header_raw("Comments");
    show_text(text($message->header_raw("X-Other")));
    for my $value ($message->header_raw("Keywords")) {
        show("Keywords");
        show_text(phrase($_)) for unfolded($value) =~ /((?:"(?:\\.|[^"\\])*"|[^,"])+)/g;
    }
    for my $value ($message->header_raw("List-Id")) {
        show("List-Id");
        my ($description, $name) = unfolded($value) =~ /^(.*)<([^<>]*)>$/s;
        show_text(phrase($description));
        show($name);
    }
    for my $field (map { "List-$_" } qw(Unsubscribe Help Subscribe Post Owner Archive)) {
        for my $value ($message->header_raw($field)) {
            show($field);
            show($_) for $value =~ /<([^>]*)>/g;
        }
    }
    for my $field (qw(List-Unsubscribe-Post Auto-Submitted Importance)) {
        show($_) for $message->header_raw($field);
    }
}

# The paragraphs of flowed text (RFC 3676 section 4.1), each behind its quote depth.
sub unwrapped {
    my @paragraphs;
    my $open = -1;
    for my $line (split /\r\n/, $_[0] =~ s/\r\n\z//r, -1) {
        my ($quotes, $content) = $line =~ /^(>*) ?(.*)$/s;
        my $depth = length $quotes;
        if ($open == $depth && $content ne "-- ") {
            $paragraphs[-1][1] .= $content;
        } else {
            push @paragraphs, [$depth, $content];
        }
        $open = $content =~ / $/ && $content ne "-- " ? $depth : -1;
    }
    @paragraphs = ([0, ""]) unless @paragraphs;
    return join "", map { "$_->[0] $_->[1]\n" } @paragraphs;
}

sub walk {
    my ($part) = @_;
    my $written = $part->content_type // "text/plain";
    my $type = lc($written =~ s/\s*;.*//sr);
    show($type);
    my $params = Email::MIME::ContentType::parse_content_type($written)->{attributes};
    for my $name (qw(method format protocol micalg report-type)) {
        show_text("$name=$params->{$name}") if defined $params->{$name};
    }
    my $description = $part->header_raw("Content-Description");
    show_text("description=" . text($description)) if defined $description;
    if ($type =~ m{^multipart/}) {
        walk($_) for $part->subparts;
        return;
    }
    if ($type eq "message/rfc822" || $type eq "message/global") {
        walk(Email::MIME->new($part->body_raw));
        return;
    }
    if ($type eq "message/delivery-status") {
        my $body = $part->body_raw =~ s/\r\n(?=[ \t])//gr;
        show($_ =~ s/\r\n\z//r =~ s/\r\n/\n/gr) for split /(?<=\r\n)\r\n/, $body;
        return;
    }
    my $name = "";
    if (my $disposition = $part->header_raw("Content-Disposition")) {
        my $parsed = Email::MIME::ContentType::parse_content_disposition($disposition);
        $name = $parsed->{attributes}{filename} // "";
    }
    utf8::is_utf8($name) ? show_text($name) : show($name);
    my $id = $part->header_raw("Content-ID") // "";
    show($id =~ s/^<|>$//gr);
    # Email::MIME and decode_qp make all line ends alike, those that are encoded and those that are not.
    my $encoding = lc($part->header_raw("Content-Transfer-Encoding") // "7bit");
    my $quoted = $part->body_raw =~ s/(?<!=)\r\n/=0D=0A=\r\n/gr;
    my $data = $encoding eq "quoted-printable" ? decode_qp($quoted) : $part->body;
    show(($params->{format} // "") eq "flowed" ? unwrapped($data) : $data);
}

while (defined(my $length = <STDIN>)) {
    read(STDIN, my $raw, $length) == $length or die "a message is cut";
    my $message = Email::MIME->new($raw);
    show_headers($message);
    walk($message);
    print "\n";
}
