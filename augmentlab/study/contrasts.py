def contrasts(points):
    raise NotImplementedError
