// What Swift on Linux cannot call directly: variadics, peer credentials, accept4, epoll.
#pragma once
