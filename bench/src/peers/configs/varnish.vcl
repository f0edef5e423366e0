vcl 4.1;
# The built-in rules but for what is passed.
backend shop {
    .host = "@ORIGIN_HOST@";
    .port = "@ORIGIN_PORT@";
    .max_connections = 2000;
}

sub vcl_recv {
    if (req.url ~ "^/pass/") {
        return (pass);
    }
}
